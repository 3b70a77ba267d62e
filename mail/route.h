/* route - transport tables and relay hosts */

#ifndef MAIL_ROUTE_H
#define MAIL_ROUTE_H

#include <stdbool.h>

#include "util/buf.h"

/* Mail and address verification probes may take different ways. */
enum route_set { ROUTE_MAIL, ROUTE_VERIFY, ROUTE_SETS };

/* Once: opens the tables. */
void	route_init(void);

struct route {
	struct buf	transport, nexthop;
	bool		failed;		/* a table failed: try later */
};

/*
 * The way of a class, set from its parameter ("local:$myhostname"); the next
 * hop is `domain` where the parameter gives none.  route_default() and
 * route_relay() follow relay hosts, of the sender or of all.
 */
void	route_local(enum route_set, const char *domain, struct route *);
void	route_virtual(enum route_set, const char *domain, struct route *);
void	route_relay(enum route_set, const char *sender, const char *domain,
	    struct route *);
void	route_default(enum route_set, const char *sender, const char *domain,
	    struct route *);

/* transport_maps for an address: changes what the table says and leaves the
 * rest. */
void	route_by_table(enum route_set, const char *address, struct route *);

/* relocated_maps: the new address in `ret`. */
bool	route_is_relocated(const char *address, struct buf *ret,
	    struct route *);

/* No table of the set asks for more than the domain and the sender. */
bool	route_needs_domain_only(enum route_set);

/* "transport:nexthop" text, on top of what is there.  An empty next hop
 * becomes `domain` if that is not NULL. */
void	route_set_text(struct route *, const char *text, const char *domain);

#endif
