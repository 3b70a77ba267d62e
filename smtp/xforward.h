/* xforward - who the client was, for the server behind a filter */

#ifndef SMTP_XFORWARD_H
#define SMTP_XFORWARD_H

#include <stddef.h>

#include "util/buf.h"

struct delivery;
struct session;

enum { XFORWARD_MAX = 2 };	/* commands */

/*
 * The XFORWARD commands for a message, of what the server takes and is known.
 * How many (0 to XFORWARD_MAX); ret_doing says what each is for.  `ret` has
 * whole lines.
 */
size_t	xforward_make(const struct session *, struct delivery *,
	    struct buf ret[XFORWARD_MAX], const char *ret_doing[XFORWARD_MAX]);

/* The attributes that the EHLO line offers, as bits for s->xforward. */
unsigned xforward_parse(const char *words);

#endif
