/* characters - message_strip_characters, message_reject_characters */

#ifndef CLEANUP_CHARACTERS_H
#define CLEANUP_CHARACTERS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

/* Ends the program when a setting can't be understood. */
void	characters_init(void);

/* Is there anything to do at all? */
bool	characters_wanted(void);

/* Copies what is not to be stripped, up to a byte that is refused: where it
 * is, or NULL. */
const char *characters_filter(struct buf *to, const char *, size_t);

#endif
