/* dnsbl - the score of an address, by DNS lists with weights */

#ifndef POSTSCREEN_DNSBL_H
#define POSTSCREEN_DNSBL_H

#include <stdbool.h>

#include "net/addr.h"

struct score;

/* Parses postscreen_dnsbl_sites; ends the process on bad ones. */
void		 dnsbl_init(void);
bool		 dnsbl_is_used(void);

/* Asks all lists at the same time, in tasks of their own. */
struct score	*dnsbl_begin(const struct addr *);

/*
 * Waits for the answers, until `deadline` (clock_ms); lists that have not
 * answered count nothing.  *ret_name: the first of the lists with the greatest
 * weight, by the name for clients; *ret_ttl: seconds that it may be believed.
 */
int		 dnsbl_score(struct score *, int64_t deadline,
		    const char **ret_name, int *ret_ttl);
void		 dnsbl_done(struct score *);

#endif
