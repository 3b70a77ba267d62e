/* nexthop - the text that says where mail goes, taken apart */

#ifndef MAIL_NEXTHOP_H
#define MAIL_NEXTHOP_H

#include <stdbool.h>

#include "util/mem.h"

/*
 * One destination:
 *
 *	destination = [ "inet:" ] host [ ":" port ] | "unix:" path
 *	host        = name | "[" name "]" | "[" address "]"
 *
 * and several are separated by commas or white space.  In brackets: no MX
 * lookup.  "[IPv6:2001:db8::1]" is the address 2001:db8::1.
 */
struct nexthop {
	const char	*text;		/* as written */
	const char	*host;		/* NULL for unix: */
	const char	*port;		/* NULL: the default */
	const char	*path;		/* unix: socket, NULL for inet */
	bool		 no_mx;		/* was in brackets */
};

/* False with why (static text) on bad syntax.  Strings live in the pool. */
bool	nexthop_parse(struct pool *, const char *text, struct nexthop *ret,
	    const char **ret_why);

/* The items of a list, in order; NULL ends the array. */
char	**nexthop_split(struct pool *, const char *list);

#endif
