/* session - one client, from its connection to its end or to smtpd */

#ifndef POSTSCREEN_SESSION_H
#define POSTSCREEN_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "postscreen/tests.h"
#include "util/buf.h"

struct cache;
struct score;
struct stream;
struct tls_context;
struct tls_info;

/* What main.cf says, parsed once. */
struct screen {
	struct cache	*cache;		/* NULL: nobody is remembered */
	unsigned	 enabled;	/* tests */
	enum action	 deny, action[TEST_COUNT];
	struct tls_context *tls;	/* NULL: no STARTTLS */
	bool		 tls_required;
};

extern struct screen screen;

struct session {
	struct stream	*stream;
	struct addr	 client, server;
	bool		 proxied;	/* ends came from a proxy's header */
	char		 ip[ADDR_TEXT];
	char		*label;		/* "[ip]:port" */
	struct record	 record;
	bool		 is_new;	/* it has never passed all */
	bool		 vetoed;	/* may not be let in next time */
	unsigned	 due, passed;	/* tests */
	unsigned	 seen_faults;	/* tests that found something */
	unsigned	 failed;	/* those of them that count */
	struct score	*score;
	int		 dnsbl_ttl;	/* seconds that it may be believed */
	bool		 denied;	/* by the access list */
	/* The answer to RCPT of one that may not go on; NULL: it passes. */
	const char	*refusal;
	char		*refusal_text;	/* if it is of its own */
	const struct tls_info *tls;
};

/* postscreen's serve(). */
void	session_serve(struct stream *);

/* A test failed: the line is in the log.  What to do is known by action;
 * `reply` is for enforce ("550 5.5.1 Protocol error").  True: the connection
 * is to be dropped, with that reply as 521. */
bool	session_fail(struct session *, enum test, const char *reply);

/* "HANGUP after ... in tests before|after SMTP handshake". */
void	session_log_hangup(const struct session *, int64_t since,
	    const char *when);

/* Adds bytes with C escapes, at most 100 of them. */
void	session_escape(struct buf *, const char *, size_t);

/* "0.45", of ms. */
void	session_seconds(struct buf *, int64_t ms);

/* The dummy SMTP server, until the client has gone.  In engine.c. */
void	engine_run(struct session *);

/* $name in a text of the configuration with the session's few facts; smtpd's
 * banners and footers. */
void	session_expand(struct buf *, const struct session *, const char *text);

#endif
