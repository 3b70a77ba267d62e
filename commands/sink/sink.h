/* sink - what servers that throw mail away have in common: their sessions */

#ifndef COMMANDS_SINK_SINK_H
#define COMMANDS_SINK_SINK_H

#include <stddef.h>
#include <sys/socket.h>

#include "net/addr.h"

/*
 * A listener at "[inet:][host]:port" or "unix:path", of the first address that
 * can be had; `family` AF_UNSPEC, AF_INET or AF_INET6; `window` in bytes for
 * both directions, 0: the system's.  Trouble ends the process with a message.
 */
int	sink_listen(const char *where, int family, int backlog, int window);

/* Root directory and user, each may be NULL; trouble ends the process. */
void	sink_become(const char *user, const char *root);

/* One connection, in a task of its own; the descriptor, non-blocking, becomes
 * the function's. */
typedef void sink_serve_fn(int fd, const struct addr *client);

/* Serves that many connections at once, more wait in the kernel's queue.  Does
 * not return. */
void	sink_loop(int listener, size_t connections_max, sink_serve_fn *)
	    __attribute__((noreturn));

/* Writes counters for a terminal, with their carriage return. */
void	sink_show(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
