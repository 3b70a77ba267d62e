/* agent - connections to delivery agents */

#ifndef QMGR_AGENT_H
#define QMGR_AGENT_H

#include <stdbool.h>

struct entry;
struct transport;

/* Has the entry delivered, over the connection that was used last or a new
 * one.  At its end everybody concerned is told: the destination, the
 * message. */
void	agent_deliver(struct transport *, struct entry *);

/* Is there a descriptor for one more delivery?  If not, all transports are
 * looked at again as soon as there is. */
bool	agent_has_room(const struct transport *);

/* Deliveries under way. */
int	agent_deliveries(void);

#endif
