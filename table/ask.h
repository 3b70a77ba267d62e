/* ask - connections to table servers (private to table/) */

#ifndef TABLE_ASK_H
#define TABLE_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "table/table_type.h"

struct stream;

/*
 * "unix:path", "inet:host:port", "host:port" or, with a default port, "host":
 * a descriptor, or -1 with errno.  Waits up to the deadline (clock_ms).
 */
int	ask_connect(const char *where, const char *default_port,
	    int64_t deadline);

/*
 * A server and the connections to it that are idle.  Several tasks may ask at
 * once, each on a connection of its own.
 */
struct ask_server {
	char		*where;		/* "inet:host:port", "unix:path" */
	struct stream	*idle[4];
	int		 idle_count;
};

/* `where` is copied.  False if it is not of one of these forms. */
bool	ask_init(struct ask_server *, const char *where);
void	ask_done(struct ask_server *);

/*
 * Runs `exchange`, which sends a question and reads the answer, on a
 * connection.  It is false when the stream fails before the whole answer; on a
 * connection that was kept it is then tried again on a new one.  TABLE_ERROR
 * after a warning when the server can't be reached or does not answer.
 */
typedef bool ask_exchange_fn(struct stream *, void *arg);

bool	ask(struct table *, struct ask_server *, ask_exchange_fn *, void *arg);

#endif
