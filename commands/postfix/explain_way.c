#include <string.h>

#include "commands/postfix/explain.h"
#include "conf/conf.h"
#include "conf/master_cf.h"
#include "conf/param.h"
#include "mail/nexthop.h"
#include "mail/resolve.h"
#include "mail/resolve_client.h"
#include "net/dns.h"
#include "util/text.h"

/* Where an address goes, by trivial-rewrite's own functions. */

static const struct class {
	unsigned    flag;
	const char *name;
	const char *transport;		/* parameter */
} classes[] = {
	{ RESOLVE_CLASS_LOCAL, "local", "local_transport" },
	{ RESOLVE_CLASS_ALIAS, "virtual alias", NULL },
	{ RESOLVE_CLASS_VIRTUAL, "virtual mailbox", "virtual_transport" },
	{ RESOLVE_CLASS_RELAY, "relay", "relay_transport" },
	{ RESOLVE_CLASS_DEFAULT, "default", "default_transport" },
};

static const struct class *
class_of(unsigned flags)
{
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (flags & classes[i].flag)
			return &classes[i];
	return &classes[4];
}

static bool
has_reason(const struct way *w, const char *parameter)
{
	for (const struct reason *r = w->why.first; r != NULL; r = r->next)
		if (text_eq(r->parameter, parameter))
			return true;
	return false;
}

/* What no table has said comes from the class's parameters. */
static void
add_parameters(struct explanation *e, struct way *w, const struct class *c,
    const struct answer *a)
{
	bool by_class = !has_reason(w, "relocated_maps") &&
	    !(a->flags & RESOLVE_ERROR);

	if (by_class && c->flag == RESOLVE_CLASS_LOCAL &&
	    !has_reason(w, "mydestination"))
		why_parameter(e->pool, &w->why, "inet_interfaces");
	if (by_class && c->transport != NULL &&
	    !has_reason(w, "transport_maps") && !has_reason(w,
	    "sender_dependent_default_transport_maps"))
		why_parameter(e->pool, &w->why, c->transport);
	if (by_class && conf_mail.relayhost[0] != '\0' &&
	    text_eq(w->nexthop, conf_mail.relayhost) &&
	    !has_reason(w, "sender_dependent_relayhost_maps"))
		why_parameter(e->pool, &w->why, "relayhost");
}

/* --- master.cf */

static const struct service_table *
services(const char **ret_why)
{
	static struct service_table table;
	static bool		    is_read;
	char			   *path;

	if (!is_read) {
		path = mem_printf("%s/master.cf", conf_dir());
		is_read = master_cf_read(&table, path,
		    conf_mail.default_process_limit, ret_why);
		mem_free(path);
	}
	return is_read ? &table : NULL;
}

static const char *
service_text(struct pool *pool, const struct service *s)
{
	struct buf  b = BUF_INIT;
	const char *text;

	for (int i = 0; i < 7 && s->fields[i] != NULL; i++)
		buf_addf(&b, "%s%s", i > 0 ? " " : "", s->fields[i]);
	for (int i = 0; i < s->argc; i++)
		buf_addf(&b, " %s", s->argv[i]);
	text = pool_strdup(pool, b.data);
	buf_done(&b);
	return text;
}

static const struct service *
find_service(struct explanation *e, struct way *w)
{
	const char		   *why = "";
	const struct service_table *table = services(&why);
	const struct service	   *s = NULL;

	if (table == NULL)
		w->trouble = pool_strdup(e->pool, why);
	else if ((s = master_cf_find(table, w->transport, SERVICE_UNIX)) ==
	    NULL)
		w->trouble = pool_printf(e->pool, "master.cf has no service "
		    "\"%s unix\": mail waits in the queue", w->transport);
	if (s == NULL)
		return NULL;
	w->service = service_text(e->pool, s);
	w->service_line = s->line;
	return s;
}

/* --- hosts */

static const char *
addresses_of(struct pool *pool, const char *host)
{
	struct addr_list list = { 0 };
	struct buf	 b = BUF_INIT;
	char		 text[ADDR_TEXT];
	const char	*why = "no address", *result;

	if (dns_valid_address(host))
		return pool_strdup(pool, host);
	if (dns_addresses(host, DNS_V4 | DNS_V6, true, true, &list, &why) !=
	    DNS_OK)
		return pool_strdup(pool, why);
	for (size_t i = 0; i < list.count; i++) {
		addr_text(&list.items[i], text);
		buf_addf(&b, "%s%s", i > 0 ? ", " : "", text);
	}
	result = pool_strdup(pool, b.data);
	addr_list_done(&list);
	buf_done(&b);
	return result;
}

static void
add_host(struct explanation *e, struct way *w, int preference,
    const char *name)
{
	struct host  *h = pool_zalloc(e->pool, sizeof *h);
	struct host **at = &w->hosts;

	w->has_hosts = true;
	h->preference = preference;
	h->name = pool_strdup(e->pool, name);
	h->addresses = addresses_of(e->pool, name);
	while (*at != NULL && (*at)->preference <= preference)
		at = &(*at)->next;
	h->next = *at;
	*at = h;
}

static void
find_mx(struct explanation *e, struct way *w, const char *domain)
{
	struct dns_record *list = NULL;
	const char	  *why = "";

	switch (dns_query(domain, DNS_MX, &list, &why)) {
	case DNS_OK:
		for (struct dns_record *r = list; r != NULL; r = r->next)
			if (r->type != DNS_MX)
				;
			else if (*r->target == '\0')
				w->trouble = "the domain takes no mail "
				    "(null MX, RFC 7505)";
			else
				add_host(e, w, r->preference, r->target);
		break;
	case DNS_NO_DATA:
		add_host(e, w, -1, domain);
		break;
	default:
		w->trouble = pool_printf(e->pool, "MX of %s: %s", domain, why);
	}
	dns_free(list);
}

static void
find_hosts(struct explanation *e, struct way *w, bool is_lmtp)
{
	struct nexthop n;
	const char    *why;
	char	     **items = nexthop_split(e->pool, w->nexthop);

	for (; *items != NULL; items++) {
		if (!nexthop_parse(e->pool, *items, &n, &why)) {
			w->trouble = pool_printf(e->pool,
			    "bad next hop \"%s\": %s", *items, why);
			return;
		}
		if (n.path != NULL)
			continue;
		if (n.no_mx || is_lmtp || dns_valid_address(n.host))
			add_host(e, w, -1, n.host);
		else
			find_mx(e, w, n.host);
	}
}

/* --- */

static void
add_service(struct explanation *e, struct way *w)
{
	const struct service *s = find_service(e, w);
	const char	     *program;

	if (s == NULL)
		return;
	program = strrchr(s->program, '/');
	program = program != NULL ? program + 1 : s->program;
	if (text_eq(program, "smtp") || text_eq(program, "lmtp"))
		find_hosts(e, w, text_eq(program, "lmtp"));
}

void
explain_way(struct explanation *e, const char *address)
{
	struct answer	    a = ANSWER_INIT;
	struct way	   *w = pool_zalloc(e->pool, sizeof *w);
	const struct class *c;

	*e->ways_tail = w;
	e->ways_tail = &w->next;
	why_start(e->pool, &w->why);
	resolve(ROUTE_MAIL, e->sender, address, &a);
	why_stop();
	c = class_of(a.flags);
	w->address = pool_strdup(e->pool, a.recipient.data);
	w->class = c->name;
	w->transport = pool_strdup(e->pool, a.route.transport.data);
	w->nexthop = pool_strdup(e->pool, a.route.nexthop.data);
	add_parameters(e, w, c, &a);
	add_service(e, w);
	resolve_answer_done(&a);
}
