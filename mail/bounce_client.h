/* bounce_client - telling bounce, defer and trace */

#ifndef MAIL_BOUNCE_CLIENT_H
#define MAIL_BOUNCE_CLIENT_H

#include <stdbool.h>

#include "mail/envelope.h"
#include "mail/why.h"

/*
 * Services private/bounce, private/defer, private/trace, one program.  Logs
 * are files bounce/ID, defer/ID, trace/ID (mail/bounce_log.h), one record a
 * recipient; notifications are made from them.  Protocol in
 * mail/bounce_proto.h; every request is answered with a status.  All are
 * false when the service could not do it: the caller defers.
 */
struct bounce_rcpt {
	const struct recipient	*rcpt;
	const char		*relay;
	int64_t			 arrival_us;	/* of the message */
	int64_t			 attempt_us;	/* its begin names an attempt:
						   news in the defer log of
						   earlier ones go; 0: all stay */
	const struct why	*why;
	const char		*action;	/* "failed" "delayed" "delivered"
						   "relayed" "expanded"
						   "deliverable" "undeliverable" */
};

bool	bounce_append(const char *service, const char *queue_id,
	    const struct bounce_rcpt *);

/* What a notification needs; the content comes from the queue file. */
struct bounce_message {
	const char	*queue, *id;
	const char	*sender;	/* to whom; "" null sender */
	const char	*envid;
	enum dsn_ret	 ret;
	const char	*encoding;
	unsigned	 env_flags;
	unsigned	 trace_flags;	/* enum deliver_flag: DELIVER_VERIFY,
					   DELIVER_TRACE for sendmail -bv, -v */
};

/* qmgr, at the end of a message: send the report and remove the log.  True
 * if there is no log: the report was sent before a crash. */
bool	bounce_flush(const struct bounce_message *);

/* The same from the defer log: the message has expired. */
bool	bounce_flush_deferred(const struct bounce_message *);

/* The defer log is kept: qmgr removes it (bounce_log_remove()) when it tries
 * the message again. */
bool	bounce_warn_delay(const struct bounce_message *);
bool	bounce_trace_flush(const struct bounce_message *);

/* One recipient at once, without a log: cleanup's bounces. */
bool	bounce_one(const struct bounce_message *, const struct bounce_rcpt *);

#endif
