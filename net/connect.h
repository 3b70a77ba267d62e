/* connect - making connections and listeners */

#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include <stdbool.h>
#include <sys/types.h>

#include "net/addr.h"

/* Waits as a task up to the deadline (clock_ms).  A descriptor, or -1 with
 * errno (ETIMEDOUT).  `bind_to` may be NULL. */
int	connect_inet(const struct addr *, const struct addr *bind_to,
	    int64_t deadline);
int	connect_unix(const char *path, int64_t deadline);

/* For TCP sockets made from now on, listeners too: the sizes of their buffers,
 * which bound the window; 0: as the kernel likes it. */
void	connect_set_window(int bytes);

/*
 * -1 with errno.  What is at a path is removed first; the socket there has the
 * mode from its begin.  As that is done by umask(2), which all threads share,
 * these two are for the start of a process.
 */
int	listen_inet(const struct addr *, int backlog);
int	listen_unix(const char *path, mode_t, int backlog);
int	listen_dgram(const char *path, mode_t);

#endif
