/* verp - senders that tell whose mail came back */

#ifndef MAIL_VERP_H
#define MAIL_VERP_H

#include <stdbool.h>

struct buf;

/*
 * owner-list@x with "+=" and the recipient user@y: owner-list+user=y@x.
 * Appended to `out`.
 */
void	verp_sender(struct buf *out, const char *sender,
	    const char *delimiters, const char *recipient);

/* Two characters, both in `allowed` (verp_delimiter_filter)? */
bool	verp_is_valid(const char *delimiters, const char *allowed);

#endif
