#include "smtp/deliver.h"

#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/nexthop.h"
#include "net/dns.h"
#include "server/server.h"
#include "smtp/cache.h"
#include "smtp/dead.h"
#include "smtp/errand.h"
#include "smtp/prepend.h"
#include "smtp/route.h"
#include "smtp/settings.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

/*
 *	for each destination of the next hop, then the fall-back relays
 *		route: its servers in order
 *		for each server
 *			a kept session, or connect, greet
 *			transfer: settles recipients
 *		until nobody is left
 *	who is left at the end is deferred or bounced by the last trouble
 */

/* Kept sessions first, among the best; silent addresses last of all. */
static int
rank(const struct route *r, size_t i)
{
	const struct target *t = &r->targets[i];

	if (dead_is(&t->addr))
		return 2;
	return t->preference == r->targets[0].preference &&
	    cache_has(&t->addr) ? 0 : 1;
}

static void
reorder(struct pool *pool, struct route *r)
{
	struct target *sorted = pool_alloc(pool, r->count * sizeof *sorted);
	size_t n = 0;

	for (int want = 0; want <= 2; want++)
		for (size_t i = 0; i < r->count; i++)
			if (rank(r, i) == want)
				sorted[n++] = r->targets[i];
	r->targets = sorted;
}

static void
try_route(struct errand *e, struct route *r)
{
	int limit = settings.mx_session_limit;

	for (size_t i = 0; i < r->count; i++)
		addr_set_port(&r->targets[i].addr, r->targets[i].port);
	if (r->count > 1)
		reorder(&e->a.d->pool, r);
	e->sessions = 0;
	for (size_t i = 0; i < r->count && attempt_is_open(&e->a); i++) {
		e->a.is_final = e->is_last && (i + 1 == r->count ||
		    (limit > 0 && e->sessions + 1 >= limit));
		e->port = r->targets[i].port;
		e->next = &r->targets[i + 1];
		e->left = r->count - i - 1;
		errand_try(e, &r->targets[i]);
		if (limit > 0 && e->sessions >= limit)
			break;
	}
}

static void
try_socket(struct errand *e)
{
	struct target t = { .name = conf_mail.myhostname };
	struct sockaddr_un *un = (void *)&t.addr.sa;

	un->sun_family = AF_UNIX;
	if (strlen(e->hop.path) >= sizeof un->sun_path) {
		why_set(&e->a.why, "4.3.5", "socket name is too long: %s",
		    e->hop.path);
		return;
	}
	strcpy(un->sun_path, e->hop.path);
	t.addr.len = sizeof *un;
	e->a.is_final = e->is_last;
	errand_try(e, &t);
}

/* "relayhost configuration problem": an operator's error must not bounce
 * everybody's mail. */
static void
soften(struct errand *e, enum outcome got)
{
	const char *parameter = NULL;

	if (got != FAILED)
		return;
	if (e->is_fallback)
		parameter = "fallback_relay";
	else if (*conf_mail.relayhost != '\0' &&
	    strcasecmp(e->destination, conf_mail.relayhost) == 0)
		parameter = "relayhost";
	if (parameter == NULL)
		return;
	if (e->is_fallback)
		log_warn("%s_%s configuration problem", settings.prefix,
		    parameter);
	else
		log_warn("%s configuration problem", parameter);
	memcpy(e->a.why.dsn, "4.3.5", 6);
}

/* Mail that other hosts bring here and no parameter says what to do with:
 * best_mx_transport, "transport" or "transport:nexthop". */
static void
pass_on(struct errand *e)
{
	struct delivery *d = e->a.d;
	const char	*to = conf_mail.best_mx_transport;
	size_t		 len = strcspn(to, ":");
	const char	*transport = pool_strndup(&d->pool, to, len);
	const char	*nexthop = to[len] == ':' && to[len + 1] != '\0' ?
			     to + len + 1 : d->nexthop;

	for (size_t i = 0; i < d->rcpt_count; i++) {
		struct recipient *r = &d->rcpt[i];
		struct why	  why = WHY_INIT;
		enum outcome	  got;

		if (!attempt_is_left(&e->a, i))
			continue;
		log_info("%s: passing <%s> to transport=%s", d->id,
		    r->address, transport);
		got = delivery_pass(d, r, transport, nexthop, &why);
		if (why.dsn[0] != '\0')
			delivery_settle(d, r, &e->a.via, &why);
		else
			delivery_close(d, r, got);
		why_done(&why);
	}
}

/* A recipient's domain may be anything; what an administrator wrote is to be
 * put right, and mail waits for that. */
static bool
is_host(const struct errand *e, const char **ret_why)
{
	const char *host = e->hop.host, *domain;

	if (e->hop.path != NULL || dns_valid_name(host) ||
	    dns_valid_address(host) || !text_is_ascii(host, strlen(host)))
		return true;
	domain = address_domain(e->a.d->rcpt[0].address);
	if (domain != NULL && strcasecmp(domain, e->destination) == 0)
		return true;
	*ret_why = "a host name or network address is wanted";
	return false;
}

static void
try_destination(struct errand *e)
{
	struct pool	*pool = &e->a.d->pool;
	struct route	 r;
	const char	*text;
	enum outcome	 got;

	errand_clear_via(e);
	if (!nexthop_parse(pool, e->destination, &e->hop, &text) ||
	    !is_host(e, &text)) {
		why_set(&e->a.why, "4.3.5", "bad next hop \"%s\": %s",
		    e->destination, text);
		log_warn("bad next hop \"%s\": %s", e->destination, text);
		return;
	}
	if (e->hop.path != NULL) {
		try_socket(e);
		return;
	}
	e->port = addr_service_port(e->hop.port != NULL ? e->hop.port :
	    settings.tcp_port);
	if (e->port == 0) {
		why_set(&e->a.why, "4.3.5", "unknown service: %s/tcp",
		    e->hop.port != NULL ? e->hop.port : settings.tcp_port);
		log_warn("unknown service: %s/tcp", e->hop.port != NULL ?
		    e->hop.port : settings.tcp_port);
		return;
	}
	got = route_find(pool, &e->hop, e->hop.port != NULL ? e->hop.port :
	    settings.tcp_port, e->port, &r, &e->a.why);
	if (r.is_ours && *conf_mail.best_mx_transport != '\0') {
		pass_on(e);
		return;
	}
	if (got != DONE) {
		soften(e, got);
		return;
	}
	if (r.is_backup && !e->is_fallback) {
		e->skip_fallback = true;
		e->is_last = true;
	}
	try_route(e, &r);
}

static size_t
count_items(char **list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

static void
try_all(struct errand *e)
{
	struct pool *pool = &e->a.d->pool;
	char  **hops = nexthop_split(pool, e->a.d->nexthop);
	char  **relays = nexthop_split(pool, settings.fallback_relay);
	size_t	hop_count = count_items(hops), n;

	n = hop_count + (strncmp(e->a.d->nexthop, "unix:", 5) == 0 ? 0 :
	    count_items(relays));
	for (size_t i = 0; i < n && attempt_is_open(&e->a); i++) {
		e->is_fallback = i >= hop_count;
		if (e->is_fallback && e->skip_fallback)
			break;
		e->destination = e->is_fallback ? relays[i - hop_count] :
		    hops[i];
		e->is_last = i + 1 == n;
		try_destination(e);
	}
}

void
deliver_message(struct delivery *d)
{
	struct errand e = ERRAND_INIT(d);

	errand_clear_via(&e);
	if (!prepend_allows(d, &e.a.why)) {
		e.a.via.relay = server_service();
		e.a.is_final = true;
		attempt_fail_all(&e.a, &e.a.why, false);
		why_done(&e.a.why);
		return;
	}
	e.wants_keep = cache_is_wanted(d->nexthop, d->flags);
	try_all(&e);
	if (attempt_is_open(&e.a)) {
		if (e.a.why.dsn[0] == '\0')
			why_set(&e.a.why, "4.3.0", "server unavailable or "
			    "unable to receive mail");
		e.a.is_final = true;
		attempt_fail_all(&e.a, &e.a.why, true);
	}
	why_done(&e.a.why);
}
