/* message - a message cut into the keys of header and body checks */

#ifndef COMMANDS_POSTMAP_MESSAGE_H
#define COMMANDS_POSTMAP_MESSAGE_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Calls `header` with each header, folded lines joined by "\n", and `body`
 * with each other line; either may be NULL.  With `mime` the headers of parts
 * and of messages within are headers too.
 */
typedef void message_key_fn(void *arg, const char *key);

void	message_cut(FILE *, bool mime, message_key_fn *header,
	    message_key_fn *body, void *arg);

#endif
