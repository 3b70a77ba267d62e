#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/deliver_proto.h"
#include "net/connect.h"
#include "smtp/attempt.h"
#include "smtp/auth.h"
#include "smtp/cache.h"
#include "smtp/dead.h"
#include "smtp/deliver.h"
#include "smtp/nexthop.h"
#include "smtp/policy.h"
#include "smtp/route.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "smtp/source.h"
#include "smtp/transfer.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"

/*
 *	for each destination of the next hop, then the fall-back relays
 *		route: its servers in order
 *		for each server
 *			a kept session, or connect, greet
 *			transfer: settles recipients
 *		until nobody is left
 *	who is left at the end is deferred or bounced by the last trouble
 */
struct errand {
	struct attempt	 a;
	struct policy	 policy;
	struct login	 login;
	const char	*destination;	/* as written: one item of the list */
	struct nexthop	 hop;
	uint16_t	 port;
	bool		 is_last;	/* of the destinations */
	bool		 is_fallback;
	bool		 skip_fallback;	/* we are a backup MX ourselves */
	int		 sessions;	/* made for this destination */
};

static void
set_via(struct errand *e, bool is_open, bool tls_failed)
{
	const struct session *s = e->a.session;

	e->a.via.relay = s != NULL ? s->relay : "none";
	e->a.via.tls = policy_log_field(&e->policy, is_open, tls_failed);
	e->a.via.conn_use = s != NULL ? s->use_count : 1;
}

/* With no server in sight the log has no tls= field. */
static void
clear_via(struct errand *e)
{
	e->a.via.relay = "none";
	e->a.via.tls = NULL;
	e->a.via.conn_use = 1;
}

static void
end_session(struct errand *e, enum transfer how)
{
	struct session *s = e->a.session;

	e->a.session = NULL;
	e->a.via.relay = "none";
	e->a.via.conn_use = 1;
	if (how != TRANSFER_CLEAN)
		session_free(s);
	else if (e->a.keep)
		cache_put(s);
	else
		session_quit(s);
}

/* Over an open session.  False: it was a kept one that had died. */
static bool
use_session(struct errand *e, struct session *s)
{
	enum transfer how;

	e->a.session = s;
	s->queue_id = e->a.d->id;
	set_via(e, true, false);
	e->a.d->connected_us = clock_wall_us();
	how = transfer_message(&e->a);
	end_session(e, how);
	return how != TRANSFER_STALE;
}

/*
 * Kept sessions serve as long as there are some that live.  A session made
 * without TLS is no good where TLS is required; all of ours are.
 */
static bool
use_kept(struct errand *e, const struct target *t)
{
	struct session *s;

	if (e->policy.tls_required || e->login.trouble)
		return false;
	while ((s = cache_take(&t->addr, e->login.user)) != NULL) {
		if (strcmp(s->host, t->name) != 0)
			session_rename(s, t->name);
		if (use_session(e, s))
			return true;
	}
	return false;
}

static void
greeting_failed(struct errand *e, const struct why *why)
{
	struct session *s = e->a.session;

	attempt_fail_all(&e->a, why, true);
	e->a.session = NULL;
	e->a.via.relay = "none";
	session_quit(s);
}

/* Greets over the new connection, and goes on if that was welcome. */
static void
open_session(struct errand *e, int fd, const struct target *t)
{
	struct why why = WHY_INIT;
	struct session *s = session_new(fd, &t->addr, t->name);
	bool ok;

	e->a.session = s;
	s->queue_id = e->a.d->id;
	if (e->login.user != NULL)
		s->login = mem_strdup(e->login.user);
	set_via(e, false, false);
	ok = session_greet(s, e->port == 25 && !settings.is_lmtp ?
	    e->destination : NULL, &why);
	if (ok && e->policy.tls_required) {
		ok = false;
		set_via(e, false, true);
		if (s->features & FEATURE_STARTTLS)
			why_set(&why, "4.7.5", "TLS is required, but our TLS "
			    "engine is unavailable");
		else
			why_set(&why, "4.7.4", "TLS is required, but was not "
			    "offered by host %s", s->namaddr);
	}
	if (ok) {
		set_via(e, true, false);
		ok = auth_log_in(s, &e->login, &why);
	}
	if (!ok)
		greeting_failed(e, &why);
	else
		use_session(e, s);
	why_done(&why);
}

static void
connect_failed(struct errand *e, const struct target *t, int error)
{
	struct why why = WHY_INIT;
	char text[ADDR_TEXT];

	if (addr_family(&t->addr) == AF_UNIX)
		why_set(&why, "4.4.1", "connect to %s[%s]: %s", t->name,
		    e->hop.path, strerror(error));
	else {
		addr_text(&t->addr, text);
		why_set(&why, "4.4.1", "connect to %s[%s]:%u: %s", t->name,
		    text, (unsigned)e->port, strerror(error));
	}
	log_info("%s", why.text.data);
	why_copy(&e->a.why, &why);
	why_done(&why);
}

static int
connect_to(struct errand *e, const struct target *t)
{
	int64_t deadline = settings.connect_timeout > 0 ?
	    clock_in(settings.connect_timeout) : CLOCK_NEVER;
	const struct addr *source;
	int fd;

	if (addr_family(&t->addr) == AF_UNIX)
		return connect_unix(e->hop.path, deadline);
	source = source_for(&t->addr);
	fd = dead_connect(&t->addr, source, deadline);
	if (fd < 0 && source != NULL && errno == EADDRNOTAVAIL &&
	    !settings.bind_address_enforce) {
		log_warn("can't connect from %s_bind_address or "
		    "inet_interfaces: that is no address of this host",
		    settings.prefix);
		fd = dead_connect(&t->addr, NULL, deadline);
	}
	return fd;
}

static void
try_target(struct errand *e, const struct target *t)
{
	const char *why_text;
	int	    fd;

	if (!policy_find(e->destination, e->a.d->env_flags & ENV_REQUIRETLS,
	    &e->policy, &why_text)) {
		clear_via(e);
		why_set(&e->a.why, "4.7.5", "%s", why_text);
		return;
	}
	auth_find(e->a.d, t->name, e->destination, &e->login);
	if (use_kept(e, t)) {
		e->sessions++;
		return;
	}
	set_via(e, false, false);
	fd = connect_to(e, t);
	if (fd < 0) {
		connect_failed(e, t, errno);
		return;
	}
	e->sessions++;
	e->a.d->connections++;
	open_session(e, fd, t);
}

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
		addr_set_port(&r->targets[i].addr, e->port);
	if (r->count > 1)
		reorder(&e->a.d->pool, r);
	e->sessions = 0;
	for (size_t i = 0; i < r->count && attempt_is_open(&e->a); i++) {
		e->a.is_final = e->is_last && (i + 1 == r->count ||
		    (limit > 0 && e->sessions + 1 >= limit));
		try_target(e, &r->targets[i]);
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
	try_target(e, &t);
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

static void
try_destination(struct errand *e)
{
	struct pool	*pool = &e->a.d->pool;
	struct route	 r;
	const char	*text;
	enum outcome	 got;

	clear_via(e);
	if (!nexthop_parse(pool, e->destination, &e->hop, &text)) {
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
	got = route_find(pool, &e->hop, e->port, &r, &e->a.why);
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
	struct errand e = { .a = { .d = d, .why = WHY_INIT } };

	clear_via(&e);
	e.a.keep = cache_is_wanted(d->nexthop, d->flags);
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
