/* orders - what the administrator has said about destinations and senders */

#ifndef QMGR_ORDERS_H
#define QMGR_ORDERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct frame;

/*
 * An order is about one object:
 *
 *	example.com		recipients of a domain, or a next hop
 *	.example.com		those of its subdomains
 *	from:user@example.com, from:@example.com, from:<>	senders
 *	transport:smtp		all that goes over a transport
 *
 * and says that its mail waits (suspend) or goes elsewhere (reroute).  Orders
 * live in a file of the queue until they are taken back.
 */
enum order_kind { ORDER_SUSPEND, ORDER_REROUTE };

struct order {
	enum order_kind	 kind;
	const char	*object;	/* lower case */
	const char	*target;	/* transport:nexthop, or "" */
	const char	*reason;	/* the administrator's words, or "" */
	int64_t		 since;		/* seconds, wall clock */
	uid_t		 by;
};

/* Reads the file.  What can't be read is logged and left out. */
void	orders_load(void);

/* The order for a recipient, NULL: none.  Senders count before recipients,
 * domains before next hops and transports.  Addresses in internal form. */
const struct order *orders_find(const char *sender, const char *recipient,
	    const char *transport, const char *nexthop);

/* An order for an object takes the place of an older one.  False with why:
 * bad object or target, or the file can't be written (then nothing has
 * changed).  Texts are copied. */
bool	orders_give(const struct order *, const char **ret_why);
bool	orders_take_back(const char *object, const char **ret_why);

/* Every order as a group QMGR_KEY_ORDER. */
void	orders_put(struct frame *);

#endif
