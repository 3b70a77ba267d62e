/* log_line - what a line of the mail log says */

#ifndef MAIL_LOG_LINE_H
#define MAIL_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "util/buf.h"

/*
 * Lines of this mail system, of Postfix, and as far as time, program and a
 * queue id go of any program that logs beside them:
 *
 *	Nov 22 01:10:54 mx postfix/smtpd[12]: text	syslog, postlogd
 *	2026-11-22T01:10:54.123456+01:00 mx postfix/smtpd[12]: text	rsyslog
 *	{"time":"...","host":"mx","program":"postfix/smtpd",...}	our JSON
 *
 * All that comes back points into the line, or into `scratch` for JSON.
 */
enum logged_kind {
	LOGGED_OTHER,
	LOGGED_CONNECT,		/* connect from host[addr] */
	LOGGED_DISCONNECT,
	LOGGED_LOST,		/* lost connection, timeout, too many errors */
	LOGGED_TLS,		/* ... TLS connection established ... */
	LOGGED_CLIENT,		/* client=host[addr]: a message begins */
	LOGGED_PICKUP,		/* uid=0 from=<...> */
	LOGGED_MESSAGE_ID,
	LOGGED_QUEUED,		/* from=, size=, nrcpt= (queue active) */
	LOGGED_DELIVERY,	/* to=, ... status= */
	LOGGED_RETURNED,	/* status=expired, returned to sender */
	LOGGED_REJECT,		/* reject, milter-reject, hold, warn, ... */
	LOGGED_NOTICE,		/* sender non-delivery notification: ID */
	LOGGED_AUTH_FAILED,	/* ... authentication failed */
	LOGGED_REMOVED,
};

enum logged_level { LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR, LEVEL_FATAL,
	LEVEL_PANIC };

struct log_line {
	struct str	  stamp;	/* as it stands there */
	int64_t		  time_us;	/* since 1970; 0 unknown */
	bool		  has_fraction;	/* the time is finer than seconds */
	struct str	  host;
	struct str	  tag;		/* "postfix/submission/smtpd" */
	struct str	  program;	/* "smtpd" */
	bool		  is_mail;	/* the tag has a '/': one of ours */
	long		  pid;		/* 0 none */
	enum logged_level level;
	struct str	  id;		/* queue id or empty */
	struct str	  message;	/* all behind "tag[pid]: " */
	struct str	  text;		/* behind label and id */
	enum logged_kind  kind;
};

/*
 * A syslog time has no year: it is the last such day that is not after
 * `latest` by more than a day.  log_clock remembers the last conversion; begin
 * with zeroes and `latest`.
 */
struct log_clock {
	time_t	latest;
	char	day[8];		/* "Nov 22 " last seen */
	int	hour;
	time_t	hour_start;
};

/* False: no such line.  `len` is without the newline. */
bool	log_line_parse(const char *line, size_t len, struct log_clock *,
	    struct buf *scratch, struct log_line *ret);

/*
 * The facts in the text, by name:
 *
 *	a delivery	to orig_to relay conn_use delay delays tls dsn status
 *			reason
 *	a rejection	action stage client code dsn reason from to proto helo
 *			sasl_username ...
 *	connections	client, counts of a disconnect by command, stage
 *	TLS		trust protocol cipher bits secret_bits
 *	others		client, sasl_method, message-id, from, size, nrcpt, uid,
 *			orig_id, notification
 *
 * Addresses without <>.  Returns their number, at most LOG_FIELDS_MAX.
 */
struct log_field {
	struct str	key, value;
};

enum { LOG_FIELDS_MAX = 32 };

size_t	log_line_fields(const struct log_line *,
	    struct log_field ret[LOG_FIELDS_MAX]);

/* The value of a field, or an empty one. */
struct str log_field_get(const struct log_field *, size_t count,
	    const char *key);

/* Queue ids of other messages that the line names: "queued as ID",
 * orig_queue_id=, orig_id=, "notification: ID", "forwarded as ID".  At most
 * LOG_LINKS_MAX. */
enum { LOG_LINKS_MAX = 4 };

size_t	log_line_links(const struct log_line *, struct str ret[LOG_LINKS_MAX]);

/* What the address in "host[192.0.2.1]" or "host[192.0.2.1]:25" is. */
struct str log_client_addr(struct str client);

const char *logged_kind_name(enum logged_kind);	/* "delivery" */
const char *logged_level_name(enum logged_level);

#endif
