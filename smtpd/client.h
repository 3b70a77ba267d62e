/* client - who is at the other end: address and names */

#ifndef SMTPD_CLIENT_H
#define SMTPD_CLIENT_H

#include "net/dns.h"

struct addr;
struct client;
struct pool;

/*
 * Fills in the client from the connected socket `fd`: the address, its name
 * by PTR and back (/etc/hosts first), with the warnings for names that do not
 * resolve.  Strings live in `pool`.  A descriptor that is no internet socket
 * is a client on this host.
 */
void	client_find(struct client *, struct pool *, int fd);

/* The same for addresses that a proxy has told. */
void	client_find_at(struct client *, struct pool *,
	    const struct addr *client, const struct addr *server);

/* Why a host has no address, in the words of getaddrinfo(3). */
const char *client_lookup_error(enum dns_status);

/* Its label and whether we trust it, anew after its name or address was
 * changed. */
void	client_label(struct client *, struct pool *);

#endif
