/* client - who is at the other end of a connection from the network */

#ifndef SERVER_CLIENT_H
#define SERVER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/dns.h"

struct envelope;
struct pool;
struct stream;

/* What is known of the client's name: as in the 4xx/5xx of
 * reject_unknown_client_hostname. */
enum name_status { NAME_OK, NAME_FORGED, NAME_UNKNOWN, NAME_TRY_AGAIN };

/* Client facts: found once, kept for the session. */
struct client {
	struct addr	 addr;
	char		 ip[ADDR_TEXT];
	uint16_t	 port;
	char		 server_ip[ADDR_TEXT];	/* our end; "" if none */
	uint16_t	 server_port;
	const char	*name;		/* verified, or "unknown" */
	const char	*reverse_name;	/* PTR, not verified, or "unknown" */
	const char	*label;		/* "name[ip]" for logs */
	enum name_status name_status, reverse_status;
	bool		 trusted;	/* in mynetworks: smtpd's */
	bool		 trust_unknown;	/* a table of mynetworks failed */
};

/*
 * Fills in the client from the connected socket `fd`: the address and, with
 * `lookup`, its name by PTR and back (/etc/hosts first), with the warnings for
 * names that do not resolve.  Strings live in `pool`; the label is without a
 * port.  False: no internet socket, so it is a client on this host.
 */
bool	client_find(struct client *, struct pool *, int fd, bool lookup);

/* The same for addresses that a proxy has told. */
void	client_find_at(struct client *, struct pool *,
	    const struct addr *client, const struct addr *server, bool lookup);

/* The label anew, also after its name or address was changed. */
void	client_label(struct client *, struct pool *, bool with_port);

/* The attributes of a message that say who brought it. */
void	client_envelope(const struct client *, struct envelope *);

/*
 * After the last words: to close while the client is still sending would reset
 * the connection, and with it go the words.  It gets a moment to see the end.
 */
void	client_linger(struct stream *);

/* Why a host has no address, in the words of getaddrinfo(3). */
const char *client_lookup_error(enum dns_status);

#endif
