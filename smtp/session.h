/* session - a connection to a server, from its greeting to its end */

#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/why.h"
#include "net/addr.h"
#include "smtp/reply.h"
#include "util/list.h"

struct policy;
struct stream;
struct tls_info;

enum feature {
	FEATURE_ESMTP = 1,
	FEATURE_8BITMIME = 2,
	FEATURE_PIPELINING = 4,
	FEATURE_SIZE = 8,
	FEATURE_STARTTLS = 16,
	FEATURE_AUTH = 32,
	FEATURE_DSN = 64,
	FEATURE_SMTPUTF8 = 128,
	FEATURE_CHUNKING = 256,
	FEATURE_ENHANCED = 512,		/* ENHANCEDSTATUSCODES */
	FEATURE_XFORWARD = 1024,
	FEATURE_REQUIRETLS = 2048,
	/* of no use to us */
	FEATURE_ETRN = 4096,
	FEATURE_VERP = 8192,
	FEATURE_VRFY = 16384,
	FEATURE_XCLIENT = 32768,
};

/*
 * A session belongs to one delivery at a time, or to the cache.  Its stream's
 * first error stays, so a sender checks the next reply only.
 */
struct session {
	struct stream	*stream;
	struct addr	 addr;		/* of the server; AF_UNIX for a socket */
	char		*host;		/* its name */
	char		*namaddr;	/* "host[addr]", for messages */
	char		*relay;		/* "host[addr]:port", for the log */
	unsigned	 features;	/* enum feature */
	char		*auth_mechs;	/* with FEATURE_AUTH; "" if none */
	char		*login;		/* the user it is kept for; NULL: nobody */
	bool		 logged_in;
	const struct tls_info *tls;	/* NULL: in the clear */
	char		*policy;	/* its key: of policy.h */
	unsigned	 xforward;	/* see xforward.h */
	unsigned	 quirks;	/* see quirks.h */
	/* smtp_per_request_deadline: content */
	int64_t		 content_since;	/* clock_ms */
	uint64_t	 content_from;	/* bytes sent before it */
	uint64_t	 size_limit;	/* bytes; 0: not told */
	struct reply	 reply;		/* the last one */
	struct buf	 line;
	const char	*queue_id;	/* of the delivery, for warnings */
	int64_t		 message_age;	/* seconds, of its message */
	struct buf	 transcript;	/* see notice.h */
	bool		 has_erred;
	int		 use_count;	/* deliveries so far, this one counted */
	int64_t		 expires;	/* clock_ms: no new delivery after it */
	/* the cache's */
	int64_t		 idle_until;
	struct list	 by_age, by_addr;
};

/* Sends commands, lines ended by CRLF. */
void		 session_say(struct session *, const char *text, size_t len);
void		 session_says(struct session *, const char *text);

/* Takes the descriptor over. */
struct session	*session_new(int fd, const struct addr *, const char *host);
void		 session_rename(struct session *, const char *host);

/* Closes at once, without QUIT. */
void		 session_free(struct session *);

/* QUIT (unless the connection is lost) and close. */
void		 session_quit(struct session *);

/*
 * Waits for a reply, at most `seconds` for all of it.  `doing` completes
 * "lost connection with x while ...".  False: the connection is of no more
 * use, and `why` says what happened.  `lines` (may be NULL) gets the text of
 * each line, ended by '\n'.
 */
bool		 session_reply(struct session *, int seconds,
		    const char *doing, struct buf *lines, struct why *why);

/* A table of ours failed, which is no fault of the server. */
void		 session_local_trouble(const struct session *,
		    struct why *why);

/* What happened to a failed stream, as `why`. */
void		 session_lost(const struct session *, const char *doing,
		    struct why *why);

/*
 * The last reply as the reason of a failure: "host x VERB: text (in reply to
 * COMMAND)", with the parts that a report shows.  `command` may be NULL.
 */
void		 session_refused(struct session *, const char *verb,
		    const char *command, struct why *why);

/*
 * Reads the greeting and says EHLO, LHLO or HELO, with TLS as the policy wants
 * it.  `loop_text` is not NULL when a server that calls itself by our name is
 * ourselves; it is the next hop for the message then.
 */
enum opening {
	OPENING_DONE,
	OPENING_FAILED,		/* why */
	OPENING_INSECURE,	/* why: not as the policy wants it */
	OPENING_PLAIN_AGAIN,	/* why: the handshake failed, but the policy
				   allows a new session without TLS */
};

enum opening	 session_open(struct session *, const struct policy *,
		    const char *loop_text, struct why *why);

/* Opens a table; before the jail. */
void		 ehlo_init(void);

/* The parts of it, in ehlo.c.  False with why. */
bool		 session_greet(struct session *, const char *loop_text,
		    struct why *why);
bool		 session_hello(struct session *, const char *loop_text,
		    struct why *why);	/* again, after STARTTLS */

#endif
