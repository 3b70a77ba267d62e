/* own_addr - the network addresses that mean this mail system */

#ifndef MAIL_OWN_ADDR_H
#define MAIL_OWN_ADDR_H

#include <stdbool.h>

#include "net/addr.h"

/*
 * Once, before the jail (names may stand in /etc/hosts): the values of
 * inet_interfaces ("all", "loopback-only", names and addresses),
 * proxy_interfaces and inet_protocols.  False with why.
 */
bool	own_addr_init(const char *inet_interfaces, const char *proxy_interfaces,
	    const char *inet_protocols, const char **ret_why);

/* We receive mail on it. */
bool	own_addr_has(const struct addr *);

/* A proxy or address translator receives mail on it for us. */
bool	own_addr_is_proxy(const struct addr *);

/* Those of inet_interfaces. */
const struct addr_list *own_addr_list(void);

#endif
