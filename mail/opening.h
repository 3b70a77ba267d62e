/* opening - the first line of a message, where it is no header */

#ifndef MAIL_OPENING_H
#define MAIL_OPENING_H

#include <stddef.h>

#include "mail/content.h"

/*
 * "From sender date" lines of a mailbox, with or without '>', in front of the
 * header become X-Mailbox-Line: headers.  A message that begins with white
 * space begins with its body: an empty line is put in front, or the line
 * would continue our Received: header.
 */
struct opening {
	enum { OPENING_START, OPENING_FROM, OPENING_DONE } state;
	size_t	 quotes;	/* '>' held back */
	size_t	 matched;	/* bytes of "From " held back */
	char	 held[5];
	content_fn *put;
	void	*arg;
};

void	opening_init(struct opening *, content_fn *, void *arg);
void	opening_feed(struct opening *, const char *, size_t);

/* At the end of the message: hands on what is held back. */
void	opening_finish(struct opening *);

#endif
