/* secure - TLS to a table's server (private to table/) */

#ifndef TABLE_SECURE_H
#define TABLE_SECURE_H

#include <stdbool.h>
#include <stdint.h>

#include "table/settings.h"

struct buf;
struct secure;
struct stream;

/*
 * Reads the settings tls, tls_CAfile, tls_CApath, tls_cert_file, tls_key_file,
 * tls_verify_cert and tls_name, and the files that they name: before a jail.
 * NULL without "tls = yes", and after settings_fail().
 */
struct secure *secure_new(struct settings *);
void	secure_free(struct secure *);

/*
 * The handshake with `where` ("host", "host:port", "inet:host:port") on a new
 * stream.  The server must show a certificate of that host, or of tls_name,
 * unless tls_verify_cert is off.  False with why.
 */
bool	secure_begin(struct secure *, struct stream *, const char *where,
	    int64_t deadline, struct buf *why);

#endif
