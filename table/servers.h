/* servers - hosts of a database and connections to them (private to table/) */

#ifndef TABLE_SERVERS_H
#define TABLE_SERVERS_H

#include <stdbool.h>

struct buf;

/*
 * Hosts are tried in random order, Unix sockets first, or in the order given.
 * One that can't be reached, or that loses a new connection, is left alone
 * for `retry_seconds`.  Connections that are not in use are kept for
 * `idle_seconds`.  At most SERVERS_CONNECTIONS are in use at the same time;
 * more tasks wait for one.
 */
enum { SERVERS_CONNECTIONS = 8 };

struct servers_options {
	/* Both may wait.  open: NULL with `why`. */
	void	*(*open)(void *arg, const char *host, struct buf *why);
	void	 (*close)(void *arg, void *connection);
	void	*arg;
	bool	 in_order;
	bool	 quiet;		/* the caller logs what is wrong */
	int	 idle_seconds, retry_seconds;
	int	 most;		/* connections; 0: SERVERS_CONNECTIONS */
};

struct servers;

/* `hosts` is a list with commas or white space.  Never NULL. */
struct servers *servers_new(const char *hosts, const struct servers_options *);
void	servers_free(struct servers *);
int	servers_host_count(const struct servers *);

enum servers_result {
	SERVERS_DONE,
	SERVERS_FAILED,	/* with `why`; the connection is sound */
	SERVERS_LOST,	/* with `why`; the connection is of no use any more */
};

typedef enum servers_result servers_fn(void *arg, void *connection,
	    struct buf *why);

/*
 * Runs `fn` on a connection, and again on other hosts until one is done with
 * it.  False with why, when none is.
 */
bool	servers_run(struct servers *, servers_fn *, void *arg, struct buf *why);

#endif
