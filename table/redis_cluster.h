/* redis_cluster - which node of a Redis Cluster has a key (private to
 * table/) */

#ifndef TABLE_REDIS_CLUSTER_H
#define TABLE_REDIS_CLUSTER_H

#include <stdbool.h>

#include "table/servers.h"
#include "util/buf.h"

enum {
	CLUSTER_SLOTS = 16384,
	CLUSTER_NODES = 128,	/* at most; more are not believed */
};

/* The slot of a key: of what stands within its first {} if that is not
 * empty, else of all of it. */
unsigned cluster_slot(struct str key);

/* "MOVED 3999 127.0.0.1:6381" or "ASK ...", the text of an error reply;
 * ret_host: where to ask, "inet:127.0.0.1:6381". */
enum cluster_redirect { CLUSTER_NO, CLUSTER_MOVED, CLUSTER_ASK };

enum cluster_redirect cluster_parse(const char *error, unsigned *ret_slot,
	    struct buf *ret_host);

/* What has been learnt. */
struct cluster;

/* New nodes get connections made as `options` say. */
struct cluster *cluster_new(const struct servers_options *options);
void	cluster_free(struct cluster *);

/* NULL: nothing is known of the slot. */
struct servers *cluster_find(const struct cluster *, unsigned slot);

/* The node at `host`, added if it is new; NULL: there are too many. */
struct servers *cluster_node(struct cluster *, const char *host);

void	cluster_learn(struct cluster *, unsigned slot, struct servers *);

/* The node does not answer: its slots are anybody's again. */
void	cluster_forget(struct cluster *, const struct servers *);

#endif
