/* tls - TLS as main.cf has it: for the programs that speak it */

#ifndef SERVER_TLS_H
#define SERVER_TLS_H

#include <stdbool.h>

struct tls_context;

/*
 * Loads the library with the tls_* parameters (param_tls must be among the
 * program's areas).  Before the jail; false after a warning.  May be called
 * again.
 */
bool	server_tls_start(void);

/*
 * Keys are read before the jail and can't be read again inside.  When one of
 * the context's files changes (and some moments have passed in which nothing
 * else did), the process retires: its successor has the new ones.  Before
 * the jail, after tls_context_new().
 */
void	server_tls_watch(const struct tls_context *);

/* Starts the watching; after the jail, once tasks run. */
void	server_tls_watch_start(void);

#endif
