#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/nexthop.h"
#include "net/connect.h"
#include "net/dns.h"
#include "server/server.h"
#include "smtp/attempt.h"
#include "smtp/auth.h"
#include "smtp/cache.h"
#include "smtp/dead.h"
#include "smtp/deliver.h"
#include "smtp/policy.h"
#include "smtp/prepend.h"
#include "smtp/race.h"
#include "smtp/report.h"
#include "smtp/requiretls.h"
#include "smtp/route.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "smtp/sts.h"
#include "smtp/transfer.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/task.h"
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
	struct target	*next;		/* servers not tried yet */
	size_t		 left;
	int		 ready_fd;	/* connected to the next; -1 */
};

static void
set_via(struct errand *e, enum policy_stage stage)
{
	const struct session *s = e->a.session;

	e->a.via.relay = s != NULL ? s->relay : "none";
	e->a.via.tls = policy_log_field(&e->a.d->pool, &e->policy, stage);
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
	else if (e->a.keep && (s->tls == NULL || e->policy.reuse))
		cache_put(s);
	else
		session_quit(s);
}

/* A server that is not good enough for REQUIRETLS may have one beside it that
 * is: the message goes back when none was. */
static bool
is_good_enough(struct errand *e, struct session *s)
{
	struct why why = WHY_INIT;
	bool	   ok = requiretls_check(&e->policy, s, &why);

	set_via(e, s->tls != NULL ? POLICY_TLS : POLICY_PLAIN);
	if (!ok && e->a.is_final)
		attempt_fail_all(&e->a, &why, false);
	else if (!ok) {
		log_info("%s: %s", e->a.d->id, why.text.data);
		why_copy(&e->a.why, &why);
	}
	why_done(&why);
	e->a.say_requiretls = e->policy.wish > WISH_NONE && s->tls != NULL &&
	    (s->features & FEATURE_REQUIRETLS) != 0;
	return ok;
}

static int64_t
message_age(const struct errand *e)
{
	return (clock_wall_us() - e->a.d->arrival_us) / 1000000;
}

/* Over an open session.  False: it was a kept one that had died. */
static bool
use_session(struct errand *e, struct session *s)
{
	enum transfer how;

	e->a.session = s;
	s->queue_id = e->a.d->id;
	if (!is_good_enough(e, s)) {
		end_session(e, TRANSFER_CLEAN);
		return true;
	}
	e->a.d->connected_us = clock_wall_us();
	how = transfer_message(&e->a);
	end_session(e, how);
	return how != TRANSFER_STALE;
}

/* Kept sessions serve as long as there are some that live. */
static bool
use_kept(struct errand *e, const struct target *t)
{
	struct session *s;

	if (e->login.trouble)
		return false;
	while ((s = cache_take(&t->addr, e->login.user, e->policy.key)) !=
	    NULL) {
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

/* Whoever can break handshakes could have everything in the clear: mail that
 * has just come waits for better luck, and passwords never go so. */
static bool
may_go_in_clear(const struct errand *e)
{
	return e->login.user == NULL &&
	    message_age(e) >= conf_mail.minimal_backoff_time;
}

static bool
log_in(struct errand *e, struct why *why)
{
	struct session *s = e->a.session;

	set_via(e, s->tls != NULL ? POLICY_TLS : POLICY_PLAIN);
	return auth_log_in(s, &e->login, why);
}

/* Greets over the new connection, and goes on if that was welcome.  False: a
 * new one should be tried, without TLS. */
static bool
open_session(struct errand *e, int fd, const struct target *t)
{
	struct why	why = WHY_INIT;
	struct session *s = session_new(fd, &t->addr, t->name);
	enum opening	got;

	e->a.session = s;
	s->queue_id = e->a.d->id;
	s->message_age = message_age(e);
	s->policy = mem_strdup(e->policy.key);
	if (e->login.user != NULL)
		s->login = mem_strdup(e->login.user);
	set_via(e, POLICY_UNDECIDED);
	got = session_open(s, &e->policy, e->port == 25 &&
	    !settings.is_lmtp ? e->destination : NULL, &why);
	if (got == OPENING_INSECURE) {
		set_via(e, POLICY_FAILED);
		/* the last server: no other will do better later */
		if (e->policy.wish == WISH_ENFORCE && e->a.is_final)
			memcpy(why.dsn, "5.7.10", sizeof "5.7.10");
	}
	if (got == OPENING_PLAIN_AGAIN && may_go_in_clear(e)) {
		log_info("%s: %s", e->a.d->id, why.text.data);
		e->a.session = NULL;
		session_free(s);
	} else if (got != OPENING_DONE || !log_in(e, &why)) {
		got = OPENING_FAILED;
		greeting_failed(e, &why);
	} else {
		use_session(e, s);
	}
	why_done(&why);
	return got != OPENING_PLAIN_AGAIN;
}

static void
connect_failed(struct errand *e, const struct target *t, int error)
{
	struct why why = WHY_INIT;
	char text[ADDR_TEXT];

	if (addr_family(&t->addr) == AF_UNIX)
		why_set(&why, "4.4.1", "connect to %s[%s]: %s", t->name,
		    e->hop.path, strerror(error));
	else if (error == EADDRNOTAVAIL && settings.bind_address_enforce) {
		why_set(&why, "4.4.0", "server configuration error");
		log_info("%s", why.text.data);
	} else {
		addr_text(&t->addr, text);
		why_set(&why, "4.4.1", "connect to %s[%s]:%u: %s", t->name,
		    text, (unsigned)e->port, strerror(error));
		log_info("%s", why.text.data);
	}
	why_copy(&e->a.why, &why);
	why_done(&why);
}

/* Another server as good as this one, for when it is silent. */
static struct target *
find_second(struct errand *e, const struct target *t)
{
	for (size_t i = 0; i < e->left; i++) {
		struct target *other = e->next + i;

		if (other->preference == t->preference &&
		    !addr_equal(&other->addr, &t->addr) && !dead_is(&other->addr))
			return other;
	}
	return NULL;
}

/* It is the next to be tried, and connected already. */
static void
second_was_faster(struct errand *e, const struct target *t,
    struct target *second, int fd)
{
	struct target swap = *second;
	char	      text[ADDR_TEXT];

	*second = *e->next;
	*e->next = swap;
	e->ready_fd = fd;
	addr_text(&t->addr, text);
	log_info("connect to %s[%s]:%u: no answer so far, another address "
	    "was faster", t->name, text, (unsigned)e->port);
}

/* -1 with errno, or with e->ready_fd: another server has answered. */
static int
connect_to(struct errand *e, const struct target *t)
{
	int64_t deadline = settings.connect_timeout > 0 ?
	    clock_in(settings.connect_timeout) : CLOCK_NEVER;
	struct target *second;
	int  fd = e->ready_fd;
	bool was_second;

	if (fd >= 0) {
		e->ready_fd = -1;
		return fd;
	}
	if (addr_family(&t->addr) == AF_UNIX)
		return connect_unix(e->hop.path, deadline);
	second = find_second(e, t);
	fd = race_connect(&t->addr, second != NULL ? &second->addr : NULL,
	    settings.connect_fallback_delay * 1000L, deadline, &was_second);
	if (fd >= 0 && was_second) {
		second_was_faster(e, t, second, fd);
		errno = ETIMEDOUT;
		return -1;
	}
	return fd;
}

/* Over a new connection.  False: try again without TLS. */
static bool
try_new(struct errand *e, const struct target *t)
{
	int fd;

	set_via(e, POLICY_UNDECIDED);
	fd = connect_to(e, t);
	if (fd < 0) {
		if (e->ready_fd < 0)
			connect_failed(e, t, errno);
		return true;
	}
	e->sessions++;
	e->a.d->connections++;
	report_policy(t, &e->policy);
	return open_session(e, fd, t);
}

/* Reports themselves are not reported about (RFC 8460 3): that would never
 * end.  Nor is mail that cares for no policy. */
static void
choose_reporting(struct errand *e, const struct target *t, bool ok)
{
	struct policy *p = &e->policy;

	if (!settings.tlsrpt_enable || p->wish == WISH_LESS ||
	    !sts_is_eligible(&e->hop) || e->port != 25 ||
	    strcasecmp(e->a.d->sender, conf_mail.tlsrpt_sender) == 0 ||
	    !route_to_ascii(&e->a.d->pool, e->hop.host, &p->domain))
		return;
	p->report = true;
	if (!ok)
		report_policy(t, p);
}

static bool
find_policy(struct errand *e, const struct target *t)
{
	struct why why = WHY_INIT;
	enum wish  wish;
	bool	   ok = requiretls_find(e->a.d->env_flags, &e->hop, &wish,
	    &why) && policy_find(&e->a.d->pool, e->destination, &e->hop, t,
	    wish, &e->policy, &why);

	choose_reporting(e, t, ok);
	clear_via(e);
	set_via(e, POLICY_UNDECIDED);
	if (!ok)
		why_copy(&e->a.why, &why);
	why_done(&why);
	if (ok && settings.tls_wrappermode && !policy_needs_tls(&e->policy)) {
		log_warn("%s_tls_wrappermode requires "
		    "\"%s_tls_security_level = encrypt\" (or stronger)",
		    settings.prefix, settings.prefix);
		ok = false;
	}
	return ok;
}

static void
try_target_once(struct errand *e, const struct target *t)
{
	if (!find_policy(e, t))
		return;
	auth_find(e->a.d, t->name, e->destination, &e->login);
	if (use_kept(e, t)) {
		e->sessions++;
		return;
	}
	if (try_new(e, t))
		return;
	e->policy.level = e->policy.effective = TLS_LEVEL_NONE;
	try_new(e, t);
}

/* A connection that was made ahead is used by this one or not at all. */
static void
try_target(struct errand *e, const struct target *t)
{
	int ahead = e->ready_fd;

	try_target_once(e, t);
	if (ahead >= 0 && e->ready_fd == ahead) {
		task_close(ahead);
		e->ready_fd = -1;
	}
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

	clear_via(e);
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
	struct errand e = { .a = { .d = d, .why = WHY_INIT }, .ready_fd = -1 };

	clear_via(&e);
	if (!prepend_allows(d, &e.a.why)) {
		e.a.via.relay = server_service();
		e.a.is_final = true;
		attempt_fail_all(&e.a, &e.a.why, false);
		why_done(&e.a.why);
		return;
	}
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
