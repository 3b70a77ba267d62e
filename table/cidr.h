/* cidr - a network as cidr: tables and lists of networks write it */

#ifndef TABLE_CIDR_H
#define TABLE_CIDR_H

#include <stdbool.h>

struct buf;

struct cidr {
	int		family;		/* AF_INET, AF_INET6 */
	int		bits;		/* 0 to 32, 128 */
	unsigned char	bytes[16];	/* host bits are 0 */
};

/* "192.0.2.0/24", "2001:db8::/32", "[2001:db8::]/32", single addresses.
 * False with the reason added to `why`. */
bool	cidr_parse(struct cidr *, const char *pattern, struct buf *why);

/* An address as an inet_pton() result of that family. */
bool	cidr_has(const struct cidr *, int family, const unsigned char *bytes);

#endif
