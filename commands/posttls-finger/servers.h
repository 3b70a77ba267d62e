/* servers - the addresses of a destination, in the order they are tried */

#ifndef COMMANDS_POSTTLS_FINGER_SERVERS_H
#define COMMANDS_POSTTLS_FINGER_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"

struct buf;
struct nexthop;

enum { SERVERS_MAX = 100 };

struct server {
	char		*name;
	struct addr	 addr;		/* with the port */
	unsigned	 preference;
	bool		 proven;	/* name and address came by DNSSEC */
	char		*canonical;	/* after aliases */
	/* for the order */
	int		 number;
	bool		 ipv6_first;
};

struct servers {
	struct server	 list[SERVERS_MAX];
	size_t		 count;
};

struct servers_wanted {
	const struct nexthop *hop;	/* no socket */
	uint16_t	 port;		/* SRV records have their own */
	bool		 lmtp, srv, ipv6_first;
	bool		 use_dns, use_hosts;
	int		 families;	/* DNS_V4 | DNS_V6 */
	bool		 believe_mx;	/* MX records need no signature */
};

/* Waits.  Kept to the end of the process; why there is none, if so. */
void	servers_find(const struct servers_wanted *, struct servers *ret,
	    struct buf *ret_why);

#endif
