/* orders - postqueue --suspend, --reroute, --resume, --orders */

#ifndef COMMANDS_POSTQUEUE_ORDERS_H
#define COMMANDS_POSTQUEUE_ORDERS_H

#include <stdbool.h>

#include "mail/qmgr_client.h"

/*
 * Asks qmgr and prints the orders in force if `request` is QMGR_ORDERS: a line
 * each, or a JSON object each.  Ends the process with a message if qmgr is
 * not there or refuses.  target and reason may be NULL.
 */
void	orders_run(enum qmgr_frame request, const char *object,
	    const char *target, const char *reason, bool json);

#endif
