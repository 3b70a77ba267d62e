/* phrase - a person's name in front of an address (RFC 5322, RFC 2047) */

#ifndef MAIL_PHRASE_H
#define MAIL_PHRASE_H

struct buf;

/*
 * Adds `name` as a phrase: as it is, as a quoted string where it has
 * specials, or, when it is not ASCII, as encoded words of `charset` (empty:
 * as it is).  The name holds no control characters.
 */
void	phrase_add(struct buf *, const char *name, const char *charset);

#endif
