/* ask - connections to table servers (private to table/) */

#ifndef TABLE_ASK_H
#define TABLE_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "table/table_type.h"

struct buf;
struct stream;

/*
 * "unix:path", "inet:host:port", "host:port" or, with a default port, "host":
 * a descriptor, or -1 with errno.  Waits up to the deadline (clock_ms).
 * Without a default port, text without a colon is a port of this host.  A
 * name that is not known is EADDRNOTAVAIL, after a warning.
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
 * connection.  It is false when the stream fails before the whole answer,
 * perhaps by stream_fail(); on a connection that was kept it is then tried
 * again on a new one.  Otherwise *ret_why, static text, says what happened.
 */
typedef bool ask_exchange_fn(struct stream *, void *arg);

enum asked { ASK_OK, ASK_UNREACHED, ASK_BROKEN };

enum asked ask(struct ask_server *, ask_exchange_fn *, void *arg,
	    const char **ret_why);

/* The server as messages name it: without "inet:" or "unix:". */
const char *ask_name(const struct ask_server *);

/*
 * Can "host:port" be one at all?  Without a colon it is a port of this host.
 * False with what Postfix says of it in `why`.
 */
bool	ask_check_inet(const char *where, struct buf *why);

#endif
