#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/computed.h"
#include "conf/conf.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

/* --- names */

static char *
host_name(void)
{
	char name[256] = "";

	if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0' ||
	    name[0] == '.')
		return mem_strdup("localhost.localdomain");
	if (strchr(name, '.') != NULL)
		return mem_strdup(name);
	return mem_printf("%s.localdomain", name);
}

/* What follows the first dot; a name of two labels is a domain itself only
 * in what main.cf says, so "host.domain" gives "domain". */
static char *
domain_name(void)
{
	const char *host = conf_value("myhostname");
	const char *dot = strchr(host, '.');

	return mem_strdup(dot != NULL && dot[1] != '\0' ? dot + 1 :
	    "localdomain");
}

static char *
process_id(void)
{
	return mem_printf("%ld", (long)getpid());
}

/* The last part of the log tag: "postfix/smtpd" runs as smtpd. */
static char *
process_name(void)
{
	const char *tag = log_tag(), *slash;

	if (tag == NULL || *tag == '\0')
		return mem_strdup(program_invocation_short_name);
	slash = strrchr(tag, '/');
	return mem_strdup(slash != NULL ? slash + 1 : tag);
}

static char *
mail_version(void)
{
	return mem_strdup(CONF_MAIL_VERSION);
}

/* --- networks */

enum style { STYLE_HOST, STYLE_SUBNET, STYLE_CLASS };

struct network {
	int		 family;
	int		 bits;
	unsigned char	 bytes[16];
};

static const unsigned char *
address_bytes(const struct sockaddr *sa)
{
	const void *address;

	if (sa->sa_family == AF_INET)
		address = &((const struct sockaddr_in *)(const void *)
		    sa)->sin_addr;
	else
		address = &((const struct sockaddr_in6 *)(const void *)
		    sa)->sin6_addr;
	return address;
}

static int
count_bits(const unsigned char *mask, int bytes)
{
	int bits = 0;

	while (bits < bytes * 8 && (mask[bits / 8] & 0x80 >> bits % 8))
		bits++;
	return bits;
}

static int
class_bits(unsigned char first)
{
	return first < 128 ? 8 : first < 192 ? 16 : first < 224 ? 24 : 32;
}

static void
network_of(const struct ifaddrs *i, enum style style, struct network *n)
{
	const unsigned char *from = address_bytes(i->ifa_addr);
	int		     bytes;

	n->family = i->ifa_addr->sa_family;
	bytes = n->family == AF_INET ? 4 : 16;
	memset(n->bytes, 0, sizeof n->bytes);
	memcpy(n->bytes, from, (size_t)bytes);
	n->bits = bytes * 8;
	if (style == STYLE_CLASS && n->family == AF_INET)
		n->bits = class_bits(from[0]);
	else if (style != STYLE_HOST && i->ifa_netmask != NULL)
		n->bits = count_bits(address_bytes(i->ifa_netmask), bytes);
	for (int bit = n->bits; bit < bytes * 8; bit++)
		n->bytes[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
}

static void
add_network(struct buf *list, const struct network *n)
{
	char	   address[INET6_ADDRSTRLEN];
	struct buf text = BUF_INIT;
	char	  *found;

	inet_ntop(n->family, n->bytes, address, sizeof address);
	buf_addf(&text, n->family == AF_INET ? "%s/%d" : "[%s]/%d", address,
	    n->bits);
	/* Two interfaces may be on one network. */
	found = strstr(list->data, text.data);
	if (found == NULL || (found > list->data && found[-1] != ' ') ||
	    (found[text.len] != ' ' && found[text.len] != '\0')) {
		if (list->len > 0)
			buf_addc(list, ' ');
		buf_adds(list, text.data);
	}
	buf_done(&text);
}

static bool
same_address(const struct ifaddrs *i, const char *numeric)
{
	unsigned char bytes[16];
	int	      family = i->ifa_addr->sa_family;

	return inet_pton(family, numeric, bytes) == 1 &&
	    memcmp(bytes, address_bytes(i->ifa_addr),
		family == AF_INET ? 4 : 16) == 0;
}

/* A name in inet_interfaces stands for its addresses. */
static bool
name_has(const char *name, const struct ifaddrs *i)
{
	struct addrinfo	 hints = { .ai_socktype = SOCK_STREAM }, *list, *a;
	bool		 has = false;
	int		 family = i->ifa_addr->sa_family;

	hints.ai_family = family;
	if (getaddrinfo(name, NULL, &hints, &list) != 0)
		return false;
	for (a = list; a != NULL && !has; a = a->ai_next)
		has = memcmp(address_bytes(a->ai_addr),
		    address_bytes(i->ifa_addr), family == AF_INET ? 4 : 16)
		    == 0;
	freeaddrinfo(list);
	return has;
}

static bool
word_selects(char *word, const struct ifaddrs *i)
{
	size_t len = strlen(word);

	if (text_eq_nocase(word, "all"))
		return true;
	if (text_eq_nocase(word, "loopback-only") ||
	    text_eq_nocase(word, "localhost"))
		return (i->ifa_flags & IFF_LOOPBACK) != 0;
	if (word[0] == '[' && word[len - 1] == ']') {
		word[len - 1] = '\0';
		word++;
	}
	if (strspn(word, "0123456789.") == strlen(word) ||
	    strchr(word, ':') != NULL)
		return same_address(i, word);
	return name_has(word, i);
}

/* Is the interface's address among inet_interfaces and inet_protocols? */
static bool
selected(const struct ifaddrs *i, const char *interfaces,
    const char *protocols)
{
	const char *wanted;
	char	   *copy, *rest, *word;
	bool	    is = false;

	if (i->ifa_addr == NULL || !(i->ifa_flags & IFF_UP))
		return false;
	if (i->ifa_addr->sa_family != AF_INET &&
	    i->ifa_addr->sa_family != AF_INET6)
		return false;
	wanted = i->ifa_addr->sa_family == AF_INET ? "ipv4" : "ipv6";
	if (strstr(protocols, "all") == NULL &&
	    strstr(protocols, wanted) == NULL)
		return false;
	rest = copy = mem_strdup(interfaces);
	while (!is && (word = text_word(&rest, TEXT_LIST_SEP, false)) != NULL)
		is = word_selects(word, i);
	mem_free(copy);
	return is;
}

static bool no_interfaces;

void
conf_ignore_interfaces(void)
{
	no_interfaces = true;
}

static char *
networks(void)
{
	const char	*style_name = conf_value("mynetworks_style");
	const char	*interfaces = conf_value("inet_interfaces");
	const char	*protocols = conf_value("inet_protocols");
	struct ifaddrs	*all, *i;
	struct network	 network;
	struct buf	 list = BUF_INIT;
	enum style	 style;
	static const int families[] = { AF_INET, AF_INET6 };

	style = text_eq_nocase(style_name, "subnet") ? STYLE_SUBNET :
	    text_eq_nocase(style_name, "class") ? STYLE_CLASS : STYLE_HOST;
	if (no_interfaces || getifaddrs(&all) != 0)
		return mem_strdup("127.0.0.1/32 [::1]/128");
	for (int f = 0; f < 2; f++)
		for (i = all; i != NULL; i = i->ifa_next) {
			if (!selected(i, interfaces, protocols) ||
			    i->ifa_addr->sa_family != families[f])
				continue;
			network_of(i, style, &network);
			add_network(&list, &network);
		}
	freeifaddrs(all);
	return buf_take(&list);
}

/* --- the table */

static struct computed {
	const char *name;
	char	  *(*compute)(void);
	bool	    busy;		/* $myhostname = x.$mydomain */
	char	   *value;
} table[] = {
	{ "myhostname", host_name, false, NULL },
	{ "mydomain", domain_name, false, NULL },
	{ "mynetworks", networks, false, NULL },
	{ "mail_version", mail_version, false, NULL },
	{ "process_id", process_id, false, NULL },
	{ "process_name", process_name, false, NULL },
};

const char *
computed_default(const char *name)
{
	struct computed *c;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		c = &table[i];
		if (!text_eq(c->name, name))
			continue;
		if (c->busy)
			return "";
		if (c->value == NULL) {
			c->busy = true;
			c->value = c->compute();
			c->busy = false;
		}
		return c->value;
	}
	return NULL;
}

void
computed_forget(void)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		mem_free(table[i].value);
		table[i].value = NULL;
	}
}
