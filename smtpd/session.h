/* session - one SMTP client, from its connection to its end */

#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "mail/opening.h"
#include "server/client.h"
#include "util/buf.h"
#include "util/mem.h"

struct cleanup_client;
struct forwarded;
struct handover;
struct prefilter;
struct session_milter;
struct stream;
struct tls_info;

/* In the order of the disconnect line. */
enum verb {
	VERB_HELO, VERB_EHLO, VERB_XCLIENT, VERB_XFORWARD, VERB_STARTTLS,
	VERB_AUTH, VERB_MAIL, VERB_RCPT, VERB_DATA, VERB_BDAT, VERB_RSET,
	VERB_NOOP, VERB_VRFY, VERB_ETRN, VERB_QUIT, VERB_HELP, VERB_UNKNOWN,
	VERB_COUNT
};

struct verb_count {
	unsigned	good, all;
};

/* EHLO keywords, also as the bits of smtpd_discard_ehlo_keywords. */
enum ehlo_keyword {
	EHLO_PIPELINING = 1 << 0, EHLO_SIZE = 1 << 1, EHLO_VRFY = 1 << 2,
	EHLO_ETRN = 1 << 3, EHLO_STARTTLS = 1 << 4, EHLO_AUTH = 1 << 5,
	EHLO_XCLIENT = 1 << 6, EHLO_XFORWARD = 1 << 7, EHLO_DSN = 1 << 8,
	EHLO_ENHANCEDSTATUSCODES = 1 << 9, EHLO_8BITMIME = 1 << 10,
	EHLO_SMTPUTF8 = 1 << 11, EHLO_CHUNKING = 1 << 12,
	EHLO_REQUIRETLS = 1 << 13,
	EHLO_XVERP = 1 << 15,		/* no name to discard it by */
	EHLO_SILENT = 1 << 14,		/* "silent-discard" */
};

/* Who has logged in (auth.c); NULL: nobody.  Printable. */
struct session_auth {
	const char	*method, *username;
	const char	*sender;	/* AUTH= of MAIL FROM, in the
					   transaction */
};

/* A deferral that waits for the verdict of later restrictions. */
struct deferral {
	const char	*text;		/* NULL: none */
	const char	*dsn;
	int		 code;
};

struct deferrals {
	struct deferral	 if_permit, if_reject;
};

/*
 * A mail transaction: from MAIL to the end of data, RSET, EHLO.  Its memory is
 * `pool`.  has_sender is false outside of a transaction.
 */
struct transaction {
	struct pool	 pool;
	bool		 has_sender;
	const char	*sender;	/* internal form */
	uint32_t	 rcpt_count;	/* accepted */
	uint32_t	 rcpt_overshoot; /* refused for being too many */
	const char	*first_rcpt;	/* as given: for Received and logs */
	struct cleanup_client *cleanup;	/* NULL until the first recipient */
	struct prefilter *prefilter;	/* instead of it (smtpd_proxy_filter) */
	const char	*mail_command;	/* for that, as the client gave it */
	struct handover	*handover;	/* instead of it, when standalone */
	const char	*queue_id;	/* NULL: NOQUEUE */
	const char	*instance;	/* for policy servers; NULL until asked */
	struct envelope	 env;		/* recipients are not kept here */

	struct forwarded *forwarded;	/* XFORWARD; NULL: none */

	/* decided by restrictions */
	bool		 hold, discard;
	const char	*filter, *redirect;
	const char	**bcc;
	uint32_t	 bcc_count, bcc_sent;
	const char	**prepend;
	uint32_t	 prepend_count;

	/* parameters of MAIL */
	bool		 smtputf8, requiretls;
	const char	*body;		/* "7BIT" or "8BITMIME" or NULL */
	const char	*ret;		/* "FULL" or "HDRS" or NULL */
	const char	*envid;		/* decoded, or NULL */
	const char	*verp;		/* delimiters, or NULL */

	/* content */
	bool		 has_content;	/* some was asked for */
	uint64_t	 size;		/* bytes of content so far */
	struct opening	 opening;
	bool		 too_big;	/* cleanup needs no more of it */
	struct bdat	*bdat;		/* NULL: no BDAT seen */
	bool		 got_bare_lf;
};

struct session {
	struct stream	*stream;
	struct pool	 pool;
	struct client	 client;
	const char	*protocol;	/* "SMTP" or "ESMTP" */
	bool		 esmtp;
	bool		 standalone;	/* sendmail -bs */
	struct session_milter *milter;	/* NULL: none */
	const char	*limit_ident;	/* for anvil; NULL: not limited */
	bool		 limit_connected; /* anvil counts the connection */
	const char	*account_ident;	/* the same of who has logged in */
	bool		 account_connected;
	bool		 account_exceeded; /* the last limit was the account's */
	unsigned	 client_connections; /* of this client, by anvil */
	bool		 loose_newlines; /* bare LF may end lines and data */
	bool		 bad_pipelining; /* seen once in this session */
	bool		 debug;		/* each line is logged */
	bool		 hanging_up;	/* end after this reply */
	bool		 said_no;	/* by 421, 521, or 221 unasked */
	const char	*denied;	/* refused at connect: for all but QUIT */
	unsigned	 ehlo_discard;	/* enum ehlo_keyword bits */
	bool		 ehlo_unknown;	/* their table can't be asked */

	struct session_auth auth;
	const struct tls_info *tls;	/* NULL: in the clear */
	char		*helo;		/* NULL until HELO, owned */
	bool		 local_headers;	/* local_header_rewrite_clients */
	bool		 xclient_allowed, xforward_allowed, verp_allowed;
	const char	*stage;		/* for logs: CONNECT, EHLO, ... */
	const char	*reason;	/* why it ended early; NULL if not */
	unsigned	 errors, junk;
	struct verb_count counts[VERB_COUNT];

	/* SIZE of the last MAIL, in force until RSET even if that MAIL was
	 * refused. */
	uint64_t	 announced_size;

	/* deferrals of earlier stages, see access/ */
	struct deferrals defer_client, defer_helo, defer_sender;
	struct transaction tr;

	struct buf	 line;		/* the command at hand */
	bool		 line_cut;	/* there was more of it */
	struct buf	 text;		/* scratch of reply() */
	struct buf	 verdict;	/* reply of the last restriction */

	/* for postmaster, see smtpd/notice.h */
	struct buf	 transcript;
	unsigned	 transcript_lines;
	unsigned	 notices;	/* enum notice_class bits so far */
	bool		 policy_reply;	/* the next reply is by restrictions */
	bool		 quiet_reply;	/* no notice of the next refusal */
	bool		 milter_reply;	/* ... or by a milter */
	bool		 bounce_reply;	/* ... since there is no such address */
};

/* Runs a client's session to its end.  The caller closes the stream. */
void	session_run(struct stream *, bool standalone);

/* Ends the transaction: a message that was not finished is given up. */
void	session_reset(struct session *);

/* What connection restrictions have to say, then 220: at the beginning, and
 * after XCLIENT.  False: the session ends. */
bool	session_greet(struct session *);

/* Queue id or "NOQUEUE". */
const char *session_id(const struct session *);

/*
 * The next line into s->line, without LF; what is longer than `limit` is cut
 * off (s->line_cut).  False: the session is over.
 */
bool	session_read_line(struct session *, size_t limit);

/* "lost connection" or "timeout": once the stream has failed. */
void	session_lost(struct session *);

#endif
