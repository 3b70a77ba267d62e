/* lists - what the administrator says of clients and of our addresses */

#ifndef POSTSCREEN_LISTS_H
#define POSTSCREEN_LISTS_H

#include <stdbool.h>

#include "net/addr.h"

enum lists { LISTS_NOTHING, LISTS_PERMIT, LISTS_REJECT };

/* Opens tables; before the jail. */
void		lists_init(void);

/* postscreen_access_list, in order.  A table that fails says nothing; the log
 * has the reason. */
enum lists	lists_find(const struct addr *client);

/* postscreen_allowlist_interfaces: may clients of this address of ours be let
 * in later? */
bool		lists_may_pass(const struct addr *server);

#endif
