/* site - how much a destination takes: destination_rate_limit_maps */

#ifndef QMGR_SITE_H
#define QMGR_SITE_H

#include <stdbool.h>

#include "qmgr/rate.h"
#include "qmgr/timer.h"
#include "util/list.h"

struct dest;

/*
 * A site is a next hop or, with site=NAME in the table, several: the domains
 * of one provider, over whatever transport.  Their messages and the
 * connections made for them are counted together.  Messages are held back in
 * time; connections are counted when they have been made, so as many too many
 * can come about as deliveries are under way.
 */
struct site {
	char		*name;
	struct rate	 messages, connections;
	struct list	 dests;		/* struct dest, of_site */
	struct timer	 timer;		/* when it may go on */
	bool		 closed;
};

/* Opens the table; before the jail. */
void		 site_init(void);

/* After the jail: what was counted before the last end. */
void		 site_start(void);
void		 site_save(void);

/* Looks up a next hop unless that was done lately.  May wait. */
void		 site_learn(const char *nexthop);

/* The site of a next hop that was learnt; NULL: no limit. */
struct site	*site_find(const char *nexthop);

/* May a message go to it now? */
bool		 site_is_open(const struct site *);

/* One goes now; so many connections were made. */
void		 site_begin(struct site *);
void		 site_connected(struct site *, unsigned count);

#endif
