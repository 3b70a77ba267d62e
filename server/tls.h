/* tls - the tls_* parameters for net/tls.h */

#ifndef SERVER_TLS_H
#define SERVER_TLS_H

#include <stdbool.h>

/*
 * tls_start() with what main.cf says; the program's areas have param_tls.
 * Before the jail.  What TLS has to say goes to the log.  False after a
 * warning: there is no TLS in this process.
 */
bool	server_tls_start(void);

#endif
