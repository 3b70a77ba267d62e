/* own_domain - domains whose users need no domain in tables */

#ifndef MAIL_OWN_DOMAIN_H
#define MAIL_OWN_DOMAIN_H

#include <stdbool.h>

/*
 * Once, before the jail, after own_addr_init(): the values of mydestination
 * (its tables are opened) and myorigin.  Calling it again does no harm.
 */
void	own_domain_init(const char *mydestination, const char *myorigin);

/* myorigin, one of mydestination, or an address of ours in brackets; to be
 * given to tables (struct table_address). */
bool	own_domain_is(void *unused, const char *domain);

#endif
