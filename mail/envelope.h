/* envelope - all that is known of a message besides its content */

#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/mem.h"

/* RFC 3461 4.1; the numbers are those postcat prints as notify_flags. */
enum { NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4,
	NOTIFY_DELAY = 8 };

enum dsn_ret { RET_NONE = 0, RET_FULL = 1, RET_HDRS = 2 };

/* The status byte of a recipient in the file. */
enum rcpt_status {
	RCPT_TODO = ' ',
	RCPT_DONE = 'D',	/* delivered or bounced: nothing more to do */
};

struct recipient {
	const char	*address;	/* internal form */
	const char	*original;	/* as given, internal; "" if unknown */
	const char	*orcpt;		/* "rfc822;x@y" (decoded), or "" */
	uint8_t		 notify;	/* NOTIFY_*, 0 default */
	char		 status;	/* enum rcpt_status */
	uint32_t	 index;		/* position in the file, from 0 */
};

/*
 * Named facts: every attribute that postcat shows as named_attribute and
 * pipe(8), milters, policy and XFORWARD ask for.  One table gives each its
 * name (mail/envelope.c: envelope_attr_names), so a new fact is one line.
 * The order is that of their keys in queue files: add at the end only.
 */
enum envelope_attr {
	ATTR_CLIENT_NAME, ATTR_REVERSE_CLIENT_NAME, ATTR_CLIENT_ADDRESS,
	ATTR_CLIENT_PORT, ATTR_CLIENT_ADDRESS_TYPE, ATTR_SERVER_ADDRESS,
	ATTR_SERVER_PORT, ATTR_HELO_NAME, ATTR_PROTOCOL_NAME,
	ATTR_LOG_CLIENT_NAME, ATTR_LOG_CLIENT_ADDRESS, ATTR_LOG_CLIENT_PORT,
	ATTR_LOG_HELO_NAME, ATTR_LOG_PROTOCOL_NAME, ATTR_LOG_IDENT,
	ATTR_LOG_MESSAGE_ORIGIN, ATTR_SASL_METHOD, ATTR_SASL_USERNAME,
	ATTR_SASL_SENDER, ATTR_REWRITE_CONTEXT, ATTR_DSN_ENVELOPE_ID,
	ATTR_DSN_RET, ATTR_ENCODING, ATTR_CONTENT_FILTER, ATTR_REDIRECT,
	ATTR_MESSAGE_ID, ATTR_VERP_DELIMS, ATTR_FULL_NAME, ATTR_TRACE_FLAGS,
	ATTR_TLS_FLAGS, ATTR_ORIG_QUEUE_ID, ATTR_BODY_TYPE,
	ATTR_EXTRACT_NOTIFY,	/* NOTIFY_* for sendmail -t's recipients */
	ATTR_COUNT
};

extern const char *const envelope_attr_names[ATTR_COUNT];

enum envelope_flag {
	ENV_SMTPUTF8 = 1,	/* MAIL FROM asked for it */
	ENV_SMTPUTF8_NEEDED = 2, /* addresses or headers have UTF-8 */
	ENV_LOCAL_ORIGIN = 4,	/* from sendmail, bounce, local forwarding */
	ENV_DELIVER_VERIFY = 8, ENV_DELIVER_TRACE = 16,	/* sendmail -bv, -v */
	ENV_QUARANTINE = 32,	/* goes to hold */
	ENV_NOTICE = 64,	/* internal: bounce or notice mail */
	ENV_WARNED = 128,	/* delay warning was sent */
	ENV_FORCED_EXPIRE = 256,
	ENV_REQUIRETLS = 512,
	ENV_DISCARD = 1024,	/* to cleanup only: throw away, tell "queued" */
	ENV_PROBE = 2048,	/* of verify: what becomes of it is told there */
	ENV_TLS_OPTIONAL = 4096, /* "TLS-Required: no" in the header */
	ENV_TRACED = 8192,	/* there is a trace log from the beginning */
};

struct envelope {
	struct pool	 pool;		/* owns every string below */
	const char	*queue_id;
	const char	*sender;	/* internal form, "" null */
	int64_t		 arrival_us;	/* wall clock: first seen (for -r too) */
	int64_t		 created_us;	/* this file */
	const char	*attr[ATTR_COUNT];	/* NULL: not known */
	uint32_t	 flags;		/* enum envelope_flag */
	uint32_t	 uid;		/* of the submitter, local origin */
	struct recipient *rcpt;
	uint32_t	 rcpt_count;
	uint32_t	 rcpt_size;	/* allocated */
};

void	envelope_init(struct envelope *);
void	envelope_done(struct envelope *);
void	envelope_clear(struct envelope *);

/* Strings are copied into the pool. */
void	envelope_set(struct envelope *, enum envelope_attr, const char *);
const char *envelope_get(const struct envelope *, enum envelope_attr); /* "" if unknown */
struct recipient *envelope_add_rcpt(struct envelope *, const char *address,
	    const char *original, const char *orcpt, uint8_t notify);

/* The envelope as attributes of a frame, and back: used in queue files and
 * between programs.  Limits are checked; false on damage.  Reading adds to
 * what is there: start with an empty envelope. */
struct frame;
struct frame_attr;

void	envelope_write(struct frame *, const struct envelope *);
bool	envelope_read(const struct frame *, struct envelope *);

/* One attribute at a time, for messages whose recipients do not all fit in
 * memory: is it a recipient, add it; or one of the other facts. */
void	envelope_write_rcpt(struct frame *, const struct recipient *);
bool	envelope_is_rcpt(const struct frame_attr *);
bool	envelope_read_rcpt(struct envelope *, const struct frame_attr *);
bool	envelope_read_attr(struct envelope *, const struct frame_attr *);

#endif
