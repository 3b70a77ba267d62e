/* schedule - whose turn it is */

#ifndef QMGR_SCHEDULE_H
#define QMGR_SCHEDULE_H

#include "qmgr/heap.h"
#include "qmgr/message.h"
#include "qmgr/policy.h"
#include "util/list.h"

struct dest;
struct transport;

/*
 *	message --- job (message x transport) --- peer (job x destination)
 *						    |
 *						  entry: one delivery
 *
 * A destination has its peers in the order of their jobs' ranks; a transport
 * has those destinations that may be delivered to now in the order of their
 * first peers.  So the next entry is found in a few steps whatever waits, and
 * a destination that must wait costs nothing.
 */
struct job {
	struct list	  of_message, of_size;
	struct message	 *message;
	struct transport *transport;
	struct list	  peers;
	struct map	 *index;	/* of peers, once there are many */
	size_t		  peer_count;
	int64_t		  rank;		/* small goes first */
	int64_t		  since;	/* clock_ms */
	struct slots	  slots;
};

struct peer {
	struct heap_node  of_dest;
	struct list	  of_job;
	struct list	  entries;
	struct job	 *job;
	struct dest	 *dest;
};

/* Recipients of one delivery, all of one slice. */
struct entry {
	struct list	  link;
	struct slice	 *slice;
	struct dest	 *dest;
	const char	 *nexthop;	/* in the slice's pool */
	struct recipient **rcpt;
	uint32_t	  count, size;
};

/* A recipient for a destination; delivered when its time has come.
 * schedule_run() is to be called afterwards. */
void	schedule_add(struct slice *, struct recipient *, struct dest *,
	    const char *nexthop);

/* Gives entries to agents as long as there are some and they may go. */
void	schedule_run(struct transport *);

/* The destination may have become ready, or stopped being so. */
void	schedule_refresh(struct dest *);

/* The next entry of a destination that waits, taken off; NULL: none left. */
struct entry	*schedule_take(struct dest *);

void	schedule_free_entry(struct entry *);
void	schedule_forget(struct message *);	/* frees its jobs */

bool	dest_before(const struct heap_node *, const struct heap_node *);
bool	peer_before(const struct heap_node *, const struct heap_node *);

#endif
