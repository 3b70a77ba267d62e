/* transfer - one message over a session */

#ifndef SMTP_TRANSFER_H
#define SMTP_TRANSFER_H

struct attempt;

enum transfer {
	TRANSFER_CLEAN,		/* the session can serve the next message */
	TRANSFER_ENDED,		/* QUIT was said, or the session is of no use:
				   free it */
	TRANSFER_STALE,		/* a kept session had died: nothing was said to
				   any recipient; try on a new connection */
};

/*
 * MAIL, RCPT for everyone who is left, DATA, content; settles recipients by
 * the server's replies.  With PIPELINING commands go in batches.
 */
enum transfer	transfer_message(struct attempt *);

#endif
