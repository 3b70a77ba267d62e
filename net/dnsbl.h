/* dnsbl - DNS lists of addresses and domains: names and filters (RFC 5782) */

#ifndef NET_DNSBL_H
#define NET_DNSBL_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"

struct buf;

/*
 * Which of a list's answers count: "127.0.0.[2;4..8]".  Each part is a number
 * or, in brackets, numbers and ranges "a..b" with ';' between them.
 */
struct dnsbl_filter {
	uint32_t	bits[4][256 / 32];	/* allowed values of each part */
};

/* False with why, static text. */
bool	dnsbl_filter_parse(struct dnsbl_filter *, const char *,
	    const char **ret_why);

/* IPv4 addresses only: that is what lists answer with. */
bool	dnsbl_filter_has(const struct dnsbl_filter *, const struct addr *);

/* Adds "1.2.0.192." or 32 nibbles: the address reversed, ends in a dot. */
void	dnsbl_add_reversed(struct buf *, const struct addr *);

#endif
