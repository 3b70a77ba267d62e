/* transport - delivery agents' services and the destinations behind them */

#ifndef QMGR_TRANSPORT_H
#define QMGR_TRANSPORT_H

#include "mail/why.h"
#include "qmgr/heap.h"
#include "qmgr/policy.h"
#include "qmgr/timer.h"
#include "util/list.h"

enum { SIZE_CLASSES = 20 };	/* of jobs: 1, 2-3, 4-7, ... deliveries */

struct site;

struct transport {
	struct list		 link;
	char			*name;
	struct map		*dests;
	struct heap		 ready;		/* struct dest */
	struct list		 by_size[SIZE_CLASSES];	/* struct job */
	struct job		*current;	/* whose entry went last */
	int64_t			 front, back;	/* ranks given out */
	uint64_t		 turns;
	struct list		 idle;		/* struct agent, latest first */
	int			 busy, limit;	/* deliveries; 0: no limit */
	/* parameters */
	struct window_rules	 window;
	struct slot_rules	 slots;
	uint32_t		 recipient_limit; /* of a delivery; 0: none */
	/* recipients in memory, of all its messages */
	uint32_t		 recipients;
	/* at most; the second for who steps in front */
	uint32_t		 pool, extra_pool;
	uint32_t		 refill;	/* read so many at least ... */
	long			 refill_delay;	/* ... or after ms */
	long			 dest_delay, delay; /* ms between deliveries */
	bool			 deferred;	/* defer_transports */
	/* trouble */
	int			 failures;	/* agents that died in a row */
	struct why		 dead;		/* dsn empty: alive */
	struct timer		 revive, next;
	bool			 waiting;	/* transport_rate_delay */
};

struct dest {
	struct heap_node	 of_ready;
	struct transport	*transport;
	char			*key;
	struct heap		 peers;		/* struct peer, with entries */
	uint64_t		 turn;
	int			 busy;
	struct window		 window;
	bool			 one_by_one;	/* its deliveries wait for each
						   other */
	struct why		 dead;		/* dsn empty: alive */
	struct timer		 timer;		/* revival, or next delivery */
	bool			 waiting;	/* destination_rate_delay */
	int64_t			 last_ms;	/* end of the last delivery */
	struct site		*site;		/* NULL: no limit, see site.h */
	struct list		 of_site;
};

/* Process limits of master.cf; before the jail. */
void	transport_read_limits(void);

struct transport *transport_get(const char *name);

/* master.cf has such a service. */
bool		 transport_is_known(const char *name);

/* The destination of a next hop; of a recipient if the transport takes one
 * recipient a delivery. */
struct dest	*dest_get(struct transport *, const char *nexthop,
		    const char *recipient);

bool	transport_is_dead(const struct transport *);
bool	dest_is_dead(const struct dest *);

/* Suspends it, and hands what waits there to the retry service. */
void	transport_set_dead(struct transport *, const char *dsn,
	    const char *text);
void	dest_set_dead(struct dest *, const struct why *);

/* postqueue -f: all are alive again. */
void	transport_revive_all(void);

/* After a delivery: rate delays, feedback. */
void	dest_rest(struct dest *);

/* All that waits is assigned anew: orders have changed. */
void	transport_review_all(void);

/* The destination most messages wait for, and how many; NULL: none. */
const struct dest *transport_busiest(size_t *ret_count);

/* Starts what may be started. */
void	transport_run_all(void);

/* Can it take another delivery now? */
bool	transport_has_room(const struct transport *);

#endif
