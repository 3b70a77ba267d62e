#include "mail/own_addr.h"

#include <string.h>

#include "net/dns.h"
#include "util/mem.h"
#include "util/text.h"

static struct {
	struct addr_list inet, proxy;
} own;

static bool
has_family(const struct addr *a, int families)
{
	return families & (addr_family(a) == AF_INET ? DNS_V4 : DNS_V6);
}

static void
add(struct addr_list *to, const struct addr *a, int families)
{
	if (has_family(a, families) && !addr_list_has(to, a))
		addr_list_add(to, a);
}

static void
add_interfaces(struct addr_list *to, bool loopback_only, int families)
{
	struct addr_list all = { 0 };

	if (!addr_interfaces(&all))
		return;
	for (size_t i = 0; i < all.count; i++)
		if (!loopback_only || addr_is_loopback(&all.items[i]))
			add(to, &all.items[i], families);
	addr_list_done(&all);
}

/* A name, an address, or an address in brackets. */
static bool
add_host(struct addr_list *to, char *host, int families, const char **ret_why)
{
	struct addr_list found = { 0 };
	struct addr	 a;
	size_t		 len = strlen(host);

	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		host++;
	}
	if (addr_parse(&a, host, 0)) {
		add(to, &a, families);
		return true;
	}
	if (dns_addresses(host, families, true, true, &found, ret_why) != DNS_OK)
		return false;
	for (size_t i = 0; i < found.count; i++)
		add(to, &found.items[i], families);
	addr_list_done(&found);
	return true;
}

static bool
add_items(struct addr_list *to, const char *items, int families,
    const char **ret_why)
{
	char *copy = mem_strdup(items), *rest = copy, *word;
	bool  ok = true;

	while (ok && (word = text_word(&rest, TEXT_LIST_SEP, false)) != NULL) {
		if (text_eq_nocase(word, "all"))
			add_interfaces(to, false, families);
		else if (text_eq_nocase(word, "loopback-only"))
			add_interfaces(to, true, families);
		else
			ok = add_host(to, word, families, ret_why);
	}
	mem_free(copy);
	return ok;
}

bool
own_addr_init(const char *inet_interfaces, const char *proxy_interfaces,
    const char *inet_protocols, const char **ret_why)
{
	int families = dns_families(inet_protocols);

	addr_list_done(&own.inet);
	addr_list_done(&own.proxy);
	own.inet = own.proxy = (struct addr_list){ 0 };
	return add_items(&own.inet, inet_interfaces, families, ret_why) &&
	    add_items(&own.proxy, proxy_interfaces, DNS_V4 | DNS_V6, ret_why);
}

bool
own_addr_has(const struct addr *a)
{
	return addr_list_has(&own.inet, a);
}

bool
own_addr_is_proxy(const struct addr *a)
{
	return addr_list_has(&own.proxy, a);
}

const struct addr_list *
own_addr_list(void)
{
	return &own.inet;
}
