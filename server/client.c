#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "mail/envelope.h"
#include "net/tls.h"
#include "server/client.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"

enum {
	LINGER_MS = 300,
	LINGER_BYTES = 64 * 1024,
};

#define UNKNOWN	"unknown"

static enum name_status
status_of(enum dns_status d)
{
	return d == DNS_TRY_AGAIN ? NAME_TRY_AGAIN : NAME_UNKNOWN;
}

/* getaddrinfo(3)'s words, as log readers know them. */
const char *
client_lookup_error(enum dns_status d)
{
	return gai_strerror(d == DNS_TRY_AGAIN ? EAI_AGAIN :
	    d == DNS_NO_DATA ? EAI_NODATA : EAI_NONAME);
}

/* A name without its forward address is what anybody can claim. */
static enum name_status
check_forward(const char *name, const struct client *c)
{
	struct addr_list list = { 0 };
	enum dns_status	 d;
	enum name_status st = NAME_OK;
	int		 family;

	family = addr_family(&c->addr) == AF_INET6 ? DNS_V6 : DNS_V4;
	d = dns_addresses(name, family, true, true, &list, NULL);
	if (d != DNS_OK) {
		log_warn("hostname %s does not resolve to address %s: %s",
		    name, c->ip, client_lookup_error(d));
		return status_of(d);
	}
	if (!addr_list_has(&list, &c->addr)) {
		log_warn("hostname %s does not resolve to address %s", name,
		    c->ip);
		st = NAME_FORGED;
	}
	addr_list_done(&list);
	return st;
}

static void
find_name(struct client *c, struct pool *pool)
{
	enum dns_status	d;
	char	       *name;

	d = dns_name_of(&c->addr, &name, NULL);
	if (d != DNS_OK) {
		c->name_status = c->reverse_status = status_of(d);
		return;
	}
	if (dns_valid_address(name)) {
		log_warn("numeric hostname: %s", name);
		c->name_status = c->reverse_status = NAME_UNKNOWN;
	} else if (!dns_valid_name(name)) {
		c->name_status = c->reverse_status = NAME_UNKNOWN;
	} else {
		c->reverse_name = pool_strdup(pool, name);
		c->reverse_status = NAME_OK;
		c->name_status = check_forward(name, c);
		if (c->name_status == NAME_OK)
			c->name = c->reverse_name;
	}
	free(name);
}

/* Without a network socket (sendmail -bs): this host. */
static void
be_local(struct client *c)
{
	addr_parse(&c->addr, "127.0.0.1", 0);
	strcpy(c->ip, "127.0.0.1");
	c->name = c->reverse_name = "localhost";
	c->label = "localhost[127.0.0.1]";
}

/* Which of our addresses it has come to. */
static void
find_server(struct client *c, int fd)
{
	struct sockaddr_storage sa;
	socklen_t		len = sizeof sa;
	struct addr		a;

	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0 ||
	    !addr_from_sockaddr(&a, (struct sockaddr *)&sa, len))
		return;
	addr_text(&a, c->server_ip);
	c->server_port = addr_port(&a);
}

/* From the address to the rest. */
static void
find(struct client *c, struct pool *pool, bool lookup)
{
	addr_text(&c->addr, c->ip);
	c->port = addr_port(&c->addr);
	c->name = c->reverse_name = UNKNOWN;
	c->name_status = c->reverse_status = NAME_UNKNOWN;
	if (lookup)
		find_name(c, pool);
	client_label(c, pool, false);
}

bool
client_find(struct client *c, struct pool *pool, int fd, bool lookup)
{
	struct sockaddr_storage sa;
	socklen_t		len = sizeof sa;

	memset(c, 0, sizeof *c);
	if (getpeername(fd, (struct sockaddr *)&sa, &len) != 0 ||
	    !addr_from_sockaddr(&c->addr, (struct sockaddr *)&sa, len) ||
	    addr_family(&c->addr) == AF_UNIX) {
		be_local(c);
		return false;
	}
	find_server(c, fd);
	find(c, pool, lookup);
	return true;
}

void
client_find_at(struct client *c, struct pool *pool, const struct addr *client,
    const struct addr *server, bool lookup)
{
	memset(c, 0, sizeof *c);
	c->addr = *client;
	addr_text(server, c->server_ip);
	c->server_port = addr_port(server);
	find(c, pool, lookup);
}

void
client_label(struct client *c, struct pool *pool, bool with_port)
{
	if (with_port)
		c->label = pool_printf(pool, "%s[%s]:%u", c->name, c->ip,
		    c->port);
	else
		c->label = pool_printf(pool, "%s[%s]", c->name, c->ip);
}

static void
set_number(struct envelope *e, enum envelope_attr a, unsigned n)
{
	char text[16];

	snprintf(text, sizeof text, "%u", n);
	envelope_set(e, a, text);
}

void
client_envelope(const struct client *c, struct envelope *e)
{
	envelope_set(e, ATTR_CLIENT_NAME, c->name);
	envelope_set(e, ATTR_REVERSE_CLIENT_NAME, c->reverse_name);
	envelope_set(e, ATTR_CLIENT_ADDRESS, c->ip);
	set_number(e, ATTR_CLIENT_ADDRESS_TYPE,
	    (unsigned)addr_family(&c->addr));
	if (*c->server_ip != '\0') {
		envelope_set(e, ATTR_SERVER_ADDRESS, c->server_ip);
		set_number(e, ATTR_SERVER_PORT, c->server_port);
	}
	set_number(e, ATTR_CLIENT_PORT, c->port);
}

void
client_linger(struct stream *stream)
{
	int64_t until = clock_ms() + LINGER_MS;
	size_t	n, seen = 0;

	if (!stream_flush(stream) || tls_stream_info(stream) != NULL ||
	    shutdown(stream_fd(stream), SHUT_WR) != 0)
		return;
	while (seen < LINGER_BYTES && (n = stream_await(stream, until)) > 0) {
		stream_skip(stream, n);
		seen += n;
	}
}
