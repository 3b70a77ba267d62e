/* prepend - "flags=DORX" in master.cf: fields in front of a message */

#ifndef SMTP_PREPEND_H
#define SMTP_PREPEND_H

#include <stdbool.h>

struct buf;
struct delivery;
struct why;

/* What follows the options in master.cf, ended by NULL; ends the program if
 * it makes no sense. */
void	prepend_init(char **args);

/* False with why: these recipients can't have such fields, or the one there is
 * had the message before. */
bool	prepend_allows(struct delivery *, struct why *why);

/* Adds the fields of a message's way from sender to recipient.  Addresses are
 * in internal form; `original` is what it was first sent to. */
void	prepend_fields(struct buf *out, const char *sender,
	    const char *original, const char *recipient);

/* Does mail end its way where we bring it? */
bool	prepend_is_final(void);

#endif
