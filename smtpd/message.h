/* message - handing a transaction's message to cleanup */

#ifndef SMTPD_MESSAGE_H
#define SMTPD_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

struct recipient;
struct session;

/* At the first recipient: a queue id, and its client= line.  False: the
 * reply is in *ret_no. */
bool	message_open(struct session *, const char **ret_no);

void	message_rcpt(struct session *, const struct recipient *);

/* With a filter before the queue: it has a word in each of the client's
 * commands.  False: the reply, maybe of several lines, is in *ret_no. */
bool	message_ask_rcpt(struct session *, const char *command,
	    const char **ret_no);
bool	message_ask_data(struct session *, const char **ret_no);

/* Are headers completed, because the mail is from here? */
bool	message_is_local(struct session *);

/* Before the content: the envelope, headers of PREPEND, Received:. */
void	message_begin(struct session *);

/* A content_fn for the session: counts, and stops at the size limit. */
void	message_content(void *session, const void *, size_t);

/*
 * After the content: restrictions, the verdict of cleanup, the reply, and
 * the end of the transaction.  True if the message is in the queue; then `ok`
 * with the queue id is the reply, "250 2.0.0 Ok: queued as %s".
 */
bool	message_end(struct session *, const char *ok);

#endif
