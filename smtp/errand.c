#include "smtp/errand.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "conf/param.h"
#include "net/connect.h"
#include "smtp/cache.h"
#include "smtp/dead.h"
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

static void
set_via(struct errand *e, enum policy_stage stage)
{
	const struct session *s = e->a.session;

	e->a.via.relay = s != NULL ? s->relay : "none";
	e->a.via.tls = policy_log_field(&e->a.d->pool, &e->policy, stage);
	e->a.via.conn_use = s != NULL ? s->use_count : 1;
}

void
errand_clear_via(struct errand *e)
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
	e->a.keep = e->wants_keep && cache_may_keep(s) &&
	    (s->tls == NULL || e->policy.reuse);
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
 * is tried for the first time waits for better luck, and passwords never go
 * so. */
static bool
may_go_in_clear(const struct errand *e)
{
	const struct delivery *d = e->a.d;

	return e->login.user == NULL && d->active_us - d->arrival_us >=
	    conf_mail.minimal_backoff_time * (int64_t)1000000;
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
		e->sessions++;
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
	errand_clear_via(e);
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
void
errand_try(struct errand *e, const struct target *t)
{
	int ahead = e->ready_fd;

	try_target_once(e, t);
	if (ahead >= 0 && e->ready_fd == ahead) {
		task_close(ahead);
		e->ready_fd = -1;
	}
}
