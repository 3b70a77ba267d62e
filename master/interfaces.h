/* interfaces - which addresses inet services listen on */

#ifndef MASTER_INTERFACES_H
#define MASTER_INTERFACES_H

#include <stdbool.h>

#include "net/addr.h"

/* Reads inet_interfaces and inet_protocols.  False with why: the old ones
 * stay. */
bool	interfaces_read(const char **ret_why);

/* The addresses with port of "smtp", "2525", "127.0.0.1:smtp", "[::1]:25".
 * `ret` is added to; false with why. */
bool	interfaces_of(const char *service, struct addr_list *ret,
	    const char **ret_why);

#endif
