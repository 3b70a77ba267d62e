#include "commands/posttls-finger/servers.h"

#include <stdlib.h>
#include <string.h>

#include "mail/nexthop.h"
#include "net/dns.h"
#include "util/buf.h"
#include "util/mem.h"

struct search {
	const struct servers_wanted	*w;
	struct servers			*found;
	struct buf			*why;
	uint16_t			 port;
};

/* --- order */

static int
family_rank(const struct server *s)
{
	return (addr_family(&s->addr) == AF_INET6) != s->ipv6_first;
}

/* One family after the other, each by preference; then as they came. */
static int
compare(const void *a, const void *b)
{
	const struct server *x = a, *y = b;

	if (family_rank(x) != family_rank(y))
		return family_rank(x) - family_rank(y);
	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return x->number - y->number;
}

/* --- hosts */

static void
add_server(struct search *q, const char *name, const struct addr *a,
    unsigned preference, const char *canonical)
{
	struct servers *f = q->found;
	struct server  *s = &f->list[f->count];

	if (f->count == SERVERS_MAX)
		return;
	*s = (struct server){ .name = mem_strdup(name), .addr = *a,
	    .preference = preference, .number = (int)f->count,
	    .ipv6_first = q->w->ipv6_first,
	    .canonical = mem_strdup(canonical) };
	addr_set_port(&s->addr, q->port);
	f->count++;
}

static void
lookup_failed(struct search *q, const char *name, const char *type,
    const char *text)
{
	buf_clear(q->why);
	buf_addf(q->why, "Host or domain name not found. Name service error "
	    "for name=%s type=%s: %s", name, type, text);
}

static void
add_host(struct search *q, const char *name, unsigned preference, bool proven)
{
	struct addr_list list = { 0 };
	struct dns_proof proof = { 0 };
	const char	*text = "";
	struct addr	 numeric;

	if (addr_parse(&numeric, name, q->port))
		add_server(q, name, &numeric, preference, name);
	else if (dns_addresses_proven(name, q->w->families, q->w->use_hosts,
	    q->w->use_dns, &list, &proof, &text) != DNS_OK)
		lookup_failed(q, name, proof.type == DNS_AAAA ? "AAAA" : "A",
		    text);
	for (size_t i = 0; i < list.count; i++) {
		size_t before = q->found->count;

		add_server(q, name, &list.items[i], preference,
		    proof.canonical != NULL ? proof.canonical : name);
		if (q->found->count > before)
			q->found->list[before].proven = proven &&
			    proof.authentic;
	}
	addr_list_done(&list);
	mem_free(proof.canonical);
}

/* --- domains */

static void
add_mx_hosts(struct search *q, const struct dns_record *mx)
{
	for (; mx != NULL; mx = mx->next)
		if (mx->type == DNS_MX && *mx->target == '\0')
			buf_addf(q->why, "Domain %s does not accept mail "
			    "(nullMX)", q->w->hop->host);
		else if (mx->type == DNS_MX)
			add_host(q, mx->target, mx->preference,
			    mx->authentic || q->w->believe_mx);
}

/* RFC 5321 5.1: a domain without MX records is its own host. */
static void
add_by_mx(struct search *q)
{
	const char	  *domain = q->w->hop->host, *text = "";
	struct dns_record *mx = NULL;
	enum dns_status	   status = dns_query(domain, DNS_MX, &mx, &text);

	if (status == DNS_OK)
		add_mx_hosts(q, mx);
	else if (status == DNS_NO_DATA || status == DNS_NOT_FOUND)
		add_host(q, domain, 0, true);
	else
		lookup_failed(q, domain, "MX", text);
	dns_free(mx);
}

/* By priority alone: weights are for who sends much. */
static void
add_by_srv(struct search *q)
{
	const struct nexthop *hop = q->w->hop;
	char		     *name = mem_printf("_%s._tcp.%s",
	    hop->port != NULL ? hop->port : "smtp", hop->host);
	const char	     *text = "";
	struct dns_record    *srv = NULL;

	if (dns_query(name, DNS_SRV, &srv, &text) != DNS_OK)
		lookup_failed(q, name, "SRV", text);
	for (const struct dns_record *r = srv; r != NULL; r = r->next)
		if (r->type == DNS_SRV && *r->target != '\0') {
			q->port = r->port;
			add_host(q, r->target, r->preference, r->authentic);
		}
	dns_free(srv);
	mem_free(name);
}

void
servers_find(const struct servers_wanted *w, struct servers *ret,
    struct buf *ret_why)
{
	struct search q = { w, ret, ret_why, w->port };
	bool	      is_host = w->hop->no_mx ||
			  dns_valid_address(w->hop->host);

	ret->count = 0;
	if (w->srv && !is_host)
		add_by_srv(&q);
	else if (is_host || w->lmtp)
		add_host(&q, w->hop->host, 0, true);
	else
		add_by_mx(&q);
	qsort(ret->list, ret->count, sizeof *ret->list, compare);
}
