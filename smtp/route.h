/* route - from a next hop to the addresses of its servers, in order */

#ifndef SMTP_ROUTE_H
#define SMTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/why.h"
#include "net/addr.h"
#include "util/mem.h"

struct nexthop;

struct target {
	const char	*name;		/* of the host; in the pool */
	struct addr	 addr;
	uint16_t	 port;
	unsigned	 preference;
	/* DNSSEC: the name is proven, its addresses are, and what it is after
	 * aliases */
	bool		 proven_name, proven_addr;
	const char	*canonical;
};

struct route {
	struct target	*targets;
	size_t		 count;		/* at least 1 when found */
	bool		 is_backup;	/* we are an MX of that domain: no
					   fall-back relay */
	bool		 is_ours;	/* we are its best MX; with FAILED */
};

/*
 * Looks up MX hosts (SRV records, for a `service` of use_srv_lookup) unless
 * `hop` says otherwise, and addresses.  Hosts that are not better than
 * ourselves are left out when mail for `port` could come back to us.  DONE, or
 * why: 4.4.3, 5.4.4, 5.4.6, 5.1.0 (null MX).
 */
enum outcome	route_find(struct pool *, const struct nexthop *hop,
		    const char *service, uint16_t port, struct route *ret,
		    struct why *why);

/* One of several SRV records of a priority, at random by their weights (RFC
 * 2782): its index. */
struct dns_record;
size_t		route_pick(struct dns_record *const *, size_t n,
		    uint32_t (*random)(uint32_t below));

/* UTF-8 domains as A-labels, in the pool; false: it is none. */
bool		route_to_ascii(struct pool *, const char *host,
		    const char **ret);

/*
 * By MX preference; equals at random (or as they came), and then by address
 * family if one is preferred ("ipv4", "ipv6", "any").  `random` gives a
 * number below its argument.
 */
void		route_sort(struct target *, size_t n, const char *prefer,
		    uint32_t (*random)(uint32_t below));

/* Cuts to `limit`, keeping both families if `balance`.  Returns the count. */
size_t		route_limit(struct target *, size_t n, size_t limit,
		    bool balance);

#endif
