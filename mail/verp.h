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

enum { VERP_DELIMITERS = 3 };	/* bytes, with NUL */

/*
 * Mailing list managers ask for it in the sender, "list-@host-@[]": appends
 * the sender without that, list@host, and gives the delimiters, the character
 * before '@' and '='.  False: an ordinary sender.
 */
bool	verp_take(struct buf *out, char ret_delimiters[VERP_DELIMITERS],
	    const char *sender);

/* Two characters, both in `allowed` (verp_delimiter_filter)? */
bool	verp_is_valid(const char *delimiters, const char *allowed);

#endif
