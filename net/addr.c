/* addr - IP addresses, networks, endpoints */

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/addr.h"
#include "util/mem.h"
#include "util/text.h"

static const struct sockaddr_in *
as_v4(const struct addr *a)
{
	return (const void *)&a->sa;
}

static const struct sockaddr_in6 *
as_v6(const struct addr *a)
{
	return (const void *)&a->sa;
}

static void
set_v4(struct addr *a, const void *bytes, uint16_t port)
{
	struct sockaddr_in *in = (void *)&a->sa;

	memset(a, 0, sizeof *a);
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	memcpy(&in->sin_addr, bytes, 4);
	a->len = sizeof *in;
}

static void
set_v6(struct addr *a, const void *bytes, uint16_t port, uint32_t scope)
{
	struct sockaddr_in6 *in = (void *)&a->sa;
	struct in6_addr	     v6;

	memcpy(&v6, bytes, sizeof v6);
	if (IN6_IS_ADDR_V4MAPPED(&v6)) {
		set_v4(a, v6.s6_addr + 12, port);
		return;
	}
	memset(a, 0, sizeof *a);
	in->sin6_family = AF_INET6;
	in->sin6_port = htons(port);
	in->sin6_addr = v6;
	in->sin6_scope_id = scope;
	a->len = sizeof *in;
}

bool
addr_parse(struct addr *a, const char *numeric, uint16_t port)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, numeric, bytes) == 1) {
		set_v4(a, bytes, port);
		return true;
	}
	if (inet_pton(AF_INET6, numeric, bytes) == 1) {
		set_v6(a, bytes, port, 0);
		return true;
	}
	return false;
}

bool
addr_from_sockaddr(struct addr *a, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in  v4;
	struct sockaddr_in6 v6;

	if (len < sizeof sa->sa_family || len > sizeof a->sa)
		return false;
	switch (sa->sa_family) {
	case AF_INET:
		if (len < sizeof v4)
			return false;
		memcpy(&v4, sa, sizeof v4);
		set_v4(a, &v4.sin_addr, ntohs(v4.sin_port));
		return true;
	case AF_INET6:
		if (len < sizeof v6)
			return false;
		memcpy(&v6, sa, sizeof v6);
		set_v6(a, &v6.sin6_addr, ntohs(v6.sin6_port),
		    v6.sin6_scope_id);
		return true;
	case AF_UNIX:
		memset(a, 0, sizeof *a);
		memcpy(&a->sa, sa, len);
		a->len = len;
		return true;
	default:
		return false;
	}
}

void
addr_text(const struct addr *a, char ret[ADDR_TEXT])
{
	if (addr_family(a) == AF_INET)
		inet_ntop(AF_INET, &as_v4(a)->sin_addr, ret, ADDR_TEXT);
	else if (addr_family(a) == AF_INET6)
		inet_ntop(AF_INET6, &as_v6(a)->sin6_addr, ret, ADDR_TEXT);
	else
		snprintf(ret, ADDR_TEXT, "unknown");
}

uint16_t
addr_port(const struct addr *a)
{
	switch (addr_family(a)) {
	case AF_INET:
		return ntohs(as_v4(a)->sin_port);
	case AF_INET6:
		return ntohs(as_v6(a)->sin6_port);
	default:
		return 0;
	}
}

void
addr_set_port(struct addr *a, uint16_t port)
{
	if (addr_family(a) == AF_INET)
		((struct sockaddr_in *)(void *)&a->sa)->sin_port = htons(port);
	else if (addr_family(a) == AF_INET6)
		((struct sockaddr_in6 *)(void *)&a->sa)->sin6_port =
		    htons(port);
}

int
addr_family(const struct addr *a)
{
	return a->sa.ss_family;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	if (addr_family(a) != addr_family(b))
		return false;
	if (addr_family(a) == AF_INET)
		return as_v4(a)->sin_addr.s_addr == as_v4(b)->sin_addr.s_addr;
	if (addr_family(a) == AF_INET6)
		return memcmp(&as_v6(a)->sin6_addr, &as_v6(b)->sin6_addr,
		    16) == 0;
	return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

bool
addr_is_loopback(const struct addr *a)
{
	if (addr_family(a) == AF_INET)
		return ntohl(as_v4(a)->sin_addr.s_addr) >> 24 == 127;
	return addr_family(a) == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&as_v6(a)->sin6_addr);
}

/* --- endpoints */

/* "[IPv6:2001:db8::1]" as in RFC 5321 address literals. */
static char *
without_tag(char *host)
{
	return strncasecmp(host, "IPv6:", 5) == 0 ? host + 5 : host;
}

bool
addr_split_host_port(char *text, char **ret_host, char **ret_port,
    const char **ret_why)
{
	char	   *host = text, *port = NULL, *end;
	struct addr a;

	if (text[0] == '[') {
		host = without_tag(text + 1);
		if ((end = strchr(host, ']')) == NULL) {
			*ret_why = "missing \"]\"";
			return false;
		}
		*end++ = '\0';
		if (*end == ':')
			port = end + 1;
		else if (*end != '\0') {
			*ret_why = "unexpected text after \"]\"";
			return false;
		}
		if (*host == '\0') {
			*ret_why = "no host between \"[\" and \"]\"";
			return false;
		}
	} else if ((end = strchr(text, ':')) != NULL) {
		if (strchr(end + 1, ':') == NULL) {
			*end = '\0';
			port = end + 1;
		} else if (!addr_parse(&a, text, 0)) {
			*ret_why = "an IPv6 address must be between \"[\" "
			    "and \"]\"";
			return false;
		}
	}
	*ret_host = *host != '\0' ? host : NULL;
	*ret_port = port != NULL && *port != '\0' ? port : NULL;
	return true;
}

/* For a jail without /etc/services. */
static const struct {
	const char	*name;
	uint16_t	 port;
} well_known[] = {
	{ "smtp", 25 },
	{ "smtps", 465 },
	{ "submissions", 465 },
	{ "submission", 587 },
	{ "lmtp", 24 },
	{ "qmqp", 628 },
};

static const char *known_ports = "";

void
addr_set_known_ports(const char *list)
{
	known_ports = list;
}

/* The value of "name=name=port"; 0: `name` is not there. */
static uint16_t
port_in_item(char *item, const char *name)
{
	char *eq, *word = text_trim(item);
	bool  named = false;
	long  port;

	while ((eq = strchr(word, '=')) != NULL) {
		*eq = '\0';
		named = named || strcmp(text_trim(word), name) == 0;
		word = text_trim(eq + 1);
	}
	return named && text_is_digits(word) &&
	    text_to_long(word, 1, 65535, &port) ? (uint16_t)port : 0;
}

static uint16_t
known_port(const char *name)
{
	char	*copy = mem_strdup(known_ports), *next = copy, *item;
	uint16_t port = 0;

	while (port == 0 && (item = strsep(&next, ",")) != NULL)
		port = port_in_item(item, name);
	mem_free(copy);
	return port;
}

uint16_t
addr_service_port(const char *name)
{
	struct servent *service;
	uint16_t	known;
	long		port;

	if (text_is_digits(name))
		return text_to_long(name, 1, 65535, &port) ? (uint16_t)port : 0;
	if ((known = known_port(name)) != 0)
		return known;
	if ((service = getservbyname(name, "tcp")) != NULL)
		return ntohs((uint16_t)service->s_port);
	for (size_t i = 0; i < sizeof well_known / sizeof *well_known; i++)
		if (strcmp(name, well_known[i].name) == 0)
			return well_known[i].port;
	return 0;
}

/* --- lists */

void
addr_list_add(struct addr_list *l, const struct addr *a)
{
	/* Grows at 0, 4, 8, 16 ... */
	if (l->count == 0 || (l->count >= 4 && (l->count & (l->count - 1)) == 0))
		l->items = mem_realloc(l->items,
		    (l->count == 0 ? 4 : 2 * l->count) * sizeof *l->items);
	l->items[l->count++] = *a;
}

bool
addr_list_has(const struct addr_list *l, const struct addr *a)
{
	for (size_t i = 0; i < l->count; i++)
		if (addr_equal(&l->items[i], a))
			return true;
	return false;
}

void
addr_list_done(struct addr_list *l)
{
	mem_free(l->items);
	*l = (struct addr_list){ 0 };
}

bool
addr_interfaces(struct addr_list *l)
{
	struct ifaddrs *all, *i;
	struct addr	a;

	if (getifaddrs(&all) < 0)
		return false;
	for (i = all; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			addr_from_sockaddr(&a, i->ifa_addr,
			    sizeof(struct sockaddr_in));
		else if (i->ifa_addr->sa_family == AF_INET6)
			addr_from_sockaddr(&a, i->ifa_addr,
			    sizeof(struct sockaddr_in6));
		else
			continue;
		if (!addr_list_has(l, &a))
			addr_list_add(l, &a);
	}
	freeifaddrs(all);
	return true;
}
