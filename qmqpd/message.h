/* message - a message on its way from a QMQP client to cleanup */

#ifndef QMQPD_MESSAGE_H
#define QMQPD_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/content.h"
#include "mail/opening.h"
#include "mail/spool.h"
#include "util/buf.h"
#include "util/mem.h"

struct cleanup_client;
struct client;

/* Between message_begin() and message_end() or message_abort(). */
struct message {
	const struct client *client;
	struct cleanup_client *cleanup;
	struct pool	 pool;
	struct content	 lines;		/* LF to CRLF, into: */
	struct opening	 opening;	/* into: */
	struct spool	 spool;
	const char	*sender;
	const char	*verp;		/* delimiters, or NULL */
	const char	*trouble;	/* what is wrong with it, or NULL */
	const char	*first_rcpt;
	uint32_t	 rcpt_count;
	uint64_t	 size;		/* bytes of content and recipients */
	bool		 too_large;
};

/* Gets a queue id and logs it with the client.  False: cleanup can't be had,
 * which has been logged. */
bool	message_begin(struct message *, const struct client *,
	    unsigned cleanup_flags);
const char *message_id(const struct message *);

/* In this order; addresses in internal form. */
void	message_content(struct message *, const char *, size_t);
void	message_sender(struct message *, const char *);
void	message_recipient(struct message *, const char *);

/* The message can't be taken, whatever comes: message_end() will say so. */
bool	message_is_hopeless(const struct message *);

/* Hands the message over.  'K', 'Z' or 'D', and the text that follows. */
char	message_end(struct message *, struct buf *ret_text);
void	message_abort(struct message *);

#endif
