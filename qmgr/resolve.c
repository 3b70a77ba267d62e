#include "qmgr/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/peer.h"
#include "mail/resolve_client.h"
#include "mail/resolve_proto.h"
#include "qmgr/message.h"
#include "qmgr/orders.h"
#include "qmgr/schedule.h"
#include "qmgr/self.h"
#include "qmgr/site.h"
#include "qmgr/transport.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/task.h"

#define RETRY_SERVICE "retry"

enum {
	TASKS_MAX = 4,		/* requests under way */
	CACHE_MS = 1000,
	CACHE_MAX = 10000,	/* answers; then all are forgotten */
	RETRY_MS = 1000,
};

/*
 * Slices that come while all tasks wait for trivial-rewrite are asked about
 * together by the next: the busier the system, the fewer the requests.
 */
static struct {
	struct list	 waiting;	/* struct slice */
	int		 tasks;
	struct map	*known;		/* make_key(): struct resolved */
	struct pool	 pool;		/* of `known` */
	int64_t		 until;		/* clock_ms: then it is forgotten */
} resolver = { .waiting = LIST_INIT(resolver.waiting) };

/* --- what is known */

static void
forget_old(void)
{
	int64_t now = clock_ms();

	if (resolver.known != NULL && now < resolver.until &&
	    map_count(resolver.known) < CACHE_MAX)
		return;
	map_free(resolver.known, NULL);
	resolver.known = map_new();
	pool_clear(&resolver.pool);
	resolver.until = now + CACHE_MS;
}

static bool
is_probe(const struct message *m)
{
	return (m->first->env.flags & ENV_PROBE) != 0;
}

/* The sender matters only if a table asks for it.  That of a probe is its
 * own question: it may go another way (address_verify_transport_maps). */
static const char *
sender_for_routing(const struct message *m)
{
	bool matters = is_probe(m) ||
	    conf_mail.sender_dependent_relayhost_maps[0] != '\0' ||
	    conf_mail.sender_dependent_default_transport_maps[0] != '\0';

	return matters ? message_sender(m) : "";
}

/* What holds for one address, or for all of a domain; a key is 'V' for
 * probes or 'M', in lower case for a domain, the sender with its NUL, and
 * the address or "@domain". */
enum scope { ONE = 0, DOMAIN = 'a' - 'A' };

static void
make_key(struct buf *key, const struct message *m, enum scope scope,
    const char *address)
{
	const char *sender = sender_for_routing(m);

	buf_clear(key);
	buf_addc(key, (char)((is_probe(m) ? 'V' : 'M') + scope));
	buf_add(key, sender, strlen(sender) + 1);
	buf_adds(key, address);
}

static const struct resolved *
find_known(struct buf *key, const struct slice *s, const struct recipient *r)
{
	struct resolved *known;

	if (resolve_is_plain(r->address)) {
		make_key(key, s->message, DOMAIN, r->address +
		    address_local_len(r->address));
		known = map_find_n(resolver.known, key->data, key->len);
		if (known != NULL)
			return known;
	}
	make_key(key, s->message, ONE, r->address);
	return map_find_n(resolver.known, key->data, key->len);
}

/* --- from an answer to the schedule */

/* What is only looked at, as sendmail -bv and probes do, passes no filter. */
static const char *
filter_of(const struct slice *s)
{
	const struct envelope *env = &s->message->first->env;

	return env->flags & (ENV_PROBE | ENV_DELIVER_VERIFY) ? "" :
	    envelope_get(env, ATTR_CONTENT_FILTER);
}

static void
defer(struct slice *s, struct recipient *r, const char *dsn, const char *text)
{
	struct transport *t = transport_get(RETRY_SERVICE);
	char		 *nexthop;

	if (transport_is_dead(t)) {
		self_settle(s, r, SELF_DEFER, dsn, text);
		return;
	}
	nexthop = mem_printf("%s %s", dsn, text);
	schedule_add(s, r, dest_get(t, nexthop, r->address), nexthop);
	mem_free(nexthop);
}

/* What waits by an order is told so; it is tried again in its time. */
static void
suspend(struct slice *s, struct recipient *r, const struct order *o)
{
	char *text = mem_printf("delivery suspended by the administrator"
	    "%s%s", *o->reason != '\0' ? ": " : "", o->reason);

	defer(s, r, "4.3.2", text);
	mem_free(text);
}

/* What goes through a filter meets its orders afterwards. */
static const struct order *
find_order(const struct slice *s, const struct recipient *r,
    const char *transport, const char *nexthop)
{
	static const char *const exempt[] = { RETRY_SERVICE, "error",
	    "discard" };

	if (*filter_of(s) != '\0')
		return NULL;
	for (size_t i = 0; i < sizeof exempt / sizeof *exempt; i++)
		if (strcmp(transport, exempt[i]) == 0)
			return NULL;
	return orders_find(message_sender(s->message), r->address, transport,
	    nexthop);
}

static void
assign_to(struct slice *s, struct recipient *r, const char *transport,
    const char *nexthop)
{
	struct transport *t = transport_get(transport);
	struct dest	 *d;

	if (strcmp(transport, RETRY_SERVICE) == 0 && transport_is_dead(t)) {
		self_settle(s, r, SELF_DEFER, "4.3.0", nexthop);
	} else if (t->deferred && !s->message->asked_for) {
		defer(s, r, "4.3.2", "deferred transport");
	} else if (transport_is_dead(t)) {
		defer(s, r, t->dead.dsn, t->dead.text.data);
	} else {
		d = dest_get(t, nexthop, r->address);
		if (dest_is_dead(d))
			defer(s, r, d->dead.dsn, d->dead.text.data);
		else
			schedule_add(s, r, d, nexthop);
	}
}

/* "transport:nexthop"; without a next hop it is the default or the recipient's
 * domain. */
static void
assign_target(struct slice *s, struct recipient *r, const char *target,
    const char *nexthop)
{
	size_t	    len = strcspn(target, ":");
	char	   *transport = mem_strndup(target, len);
	const char *domain = address_domain(r->address);

	if (target[len] == ':' && target[len + 1] != '\0')
		nexthop = target + len + 1;
	if (*nexthop == '\0')
		nexthop = domain != NULL ? domain : conf_mail.myhostname;
	assign_to(s, r, transport, nexthop);
	mem_free(transport);
}

static void
assign(struct slice *s, struct recipient *r, const char *transport,
    const char *nexthop)
{
	const struct order *o = find_order(s, r, transport, nexthop);

	if (o == NULL)
		assign_to(s, r, transport, nexthop);
	else if (o->kind == ORDER_SUSPEND)
		suspend(s, r, o);
	else
		assign_target(s, r, o->target, "");
}

void
resolve_again(struct entry *e)
{
	struct dest	 *d = e->dest;
	struct transport *t = d->transport;
	const struct why *why = dest_is_dead(d) ? &d->dead : &t->dead;

	for (uint32_t i = 0; i < e->count; i++)
		if (why->dsn[0] == '\0')
			/* Alive again in the meantime. */
			assign(e->slice, e->rcpt[i], t->name, e->nexthop);
		else if (strcmp(t->name, RETRY_SERVICE) == 0)
			self_settle(e->slice, e->rcpt[i], SELF_DEFER,
			    why->dsn, why->text.data);
		else
			defer(e->slice, e->rcpt[i], why->dsn, why->text.data);
	schedule_free_entry(e);
	schedule_run(transport_get(RETRY_SERVICE));
}

static bool
is_double_bounce(const char *address, unsigned flags)
{
	size_t len = strlen(conf_mail.double_bounce_sender);

	return (flags & RESOLVE_CLASS_LOCAL) &&
	    address_local_len(address) == len &&
	    strncasecmp(address, conf_mail.double_bounce_sender, len) == 0;
}

static void
assign_resolved(struct slice *s, struct recipient *r,
    const struct resolved *a)
{
	if (!(a->flags & RESOLVE_BY_DOMAIN) &&
	    strcmp(a->recipient, r->address) != 0)
		r->address = pool_strdup(&s->env.pool, a->recipient);
	if (is_double_bounce(r->address, a->flags))
		self_settle(s, r, SELF_SENT, "2.0.0",
		    "undeliverable postmaster notification discarded");
	else
		assign(s, r, a->transport, a->nexthop);
}

/* --- asking */

/* Puts what is not known into the request, each question once. */
static size_t
put_unknown(struct frame *f, const struct slice *s, struct map *asked)
{
	const struct message *m = s->message;
	struct buf	      key = BUF_INIT;
	size_t		      count = 0;

	if (*filter_of(s) != '\0')
		return 0;
	for (uint32_t i = 0; i < s->env.rcpt_count; i++) {
		struct map_entry *slot;

		if (find_known(&key, s, &s->env.rcpt[i]) != NULL)
			continue;
		slot = map_slot(asked, key.data, key.len);
		if (slot->value != NULL)
			continue;
		slot->value = f;
		if (count++ == 0) {
			frame_put_str(f, RESOLVE_KEY_SENDER,
			    sender_for_routing(m));
			frame_put_u64(f, RESOLVE_KEY_VERIFY, is_probe(m));
		}
		frame_put_str(f, RESOLVE_KEY_ADDRESS, s->env.rcpt[i].address);
	}
	buf_done(&key);
	return count;
}

static void
learn(const struct map_entry *question, const struct frame_attr *group)
{
	size_t		  head = strlen(question->key) + 1;
	const char	 *asked = question->key + head, *address = asked;
	const char	 *transport = NULL, *nexthop = NULL;
	unsigned	  flags = 0;
	struct buf	  key = BUF_INIT;
	struct resolved	 *r;
	struct frame_attr a;
	size_t		  pos = 0;

	while (frame_group_next(group, &pos, &a)) {
		if (a.key == RESOLVE_KEY_TRANSPORT)
			transport = frame_attr_str(&a);
		else if (a.key == RESOLVE_KEY_NEXTHOP)
			nexthop = frame_attr_str(&a);
		else if (a.key == RESOLVE_KEY_RECIPIENT)
			address = frame_attr_str(&a);
		else if (a.key == RESOLVE_KEY_FLAGS)
			flags = (unsigned)frame_attr_u64(&a, 0);
	}
	if (transport == NULL || nexthop == NULL || address == NULL)
		return;
	/* It may wait, and what is known be forgotten meanwhile. */
	site_learn(nexthop);
	r = pool_zalloc(&resolver.pool, sizeof *r);
	r->flags = flags;
	r->transport = pool_strdup(&resolver.pool, transport);
	r->nexthop = pool_strdup(&resolver.pool, nexthop);
	r->recipient = pool_strdup(&resolver.pool, address);
	buf_add(&key, question->key, head);
	if (flags & RESOLVE_BY_DOMAIN) {
		key.data[0] = (char)(key.data[0] + DOMAIN);
		asked += address_local_len(asked);
	}
	buf_adds(&key, asked);
	map_slot(resolver.known, key.data, key.len)->value = r;
	buf_done(&key);
}

/* Waits.  False: no answer. */
static bool
ask(const struct frame *request, const struct map *asked)
{
	struct frame	  reply = FRAME_INIT;
	struct frame_attr a;
	size_t		  pos = 0, i = 0;
	bool		  ok;

	ok = peer_call(RESOLVE_SERVICE, request, &reply, RESOLVE_FRAME_MAX) &&
	    reply.type == RESOLVE_REPLY;
	forget_old();
	while (ok && i < map_count(asked) && frame_next(&reply, &pos, &a))
		if (a.key == RESOLVE_KEY_ANSWER)
			learn(map_at(asked, i++), &a);
	ok = ok && i == map_count(asked);
	frame_done(&reply);
	return ok;
}

/* Takes slices off the list until the request is large enough. */
static void
collect(struct list *batch, struct frame *request, struct map *asked)
{
	struct slice *s;
	size_t	      count = 0;

	forget_old();
	frame_begin(request, RESOLVE_REQUEST);
	while (count < RESOLVE_BATCH && !list_is_empty(&resolver.waiting)) {
		s = LIST_ENTRY(list_take(&resolver.waiting), struct slice,
		    link);
		list_append(batch, &s->link);
		count += put_unknown(request, s, asked);
	}
}

/* False: an answer was forgotten while another was awaited. */
static bool
is_known(const struct slice *s)
{
	struct buf key = BUF_INIT;
	bool	   known = true;

	for (uint32_t i = 0; known && i < s->env.rcpt_count; i++)
		known = *filter_of(s) != '\0' ||
		    find_known(&key, s, &s->env.rcpt[i]) != NULL;
	buf_done(&key);
	return known;
}

/* By domain, then by address: neighbours travel together. */
static int
compare_recipients(const void *a, const void *b)
{
	const struct recipient *x = a, *y = b;
	const char *dx = address_domain(x->address);
	const char *dy = address_domain(y->address);
	int	    c = strcasecmp(dx != NULL ? dx : "", dy != NULL ? dy : "");

	if (c == 0)
		c = strcasecmp(x->address, y->address);
	return c != 0 ? c : (x->index > y->index) - (x->index < y->index);
}

static void
assign_slice(struct slice *s)
{
	struct message *m = s->message;
	const char     *filter = filter_of(s);
	struct buf	key = BUF_INIT;
	uint32_t	count = s->env.rcpt_count;

	if (count > 1)
		qsort(s->env.rcpt, count, sizeof *s->env.rcpt,
		    compare_recipients);
	for (uint32_t i = 0; i < count; i++) {
		struct recipient *r = &s->env.rcpt[i];

		if (*filter != '\0')
			assign_target(s, r, filter,
			    conf_mail.default_filter_nexthop);
		else
			assign_resolved(s, r, find_known(&key, s, r));
	}
	buf_done(&key);
	LIST_EACH(it, &m->jobs)
		schedule_run(LIST_ENTRY(it, struct job,
		    of_message)->transport);
}

static void
finish_batch(struct list *batch)
{
	struct list *it;

	while ((it = list_take(batch)) != NULL) {
		struct slice *s = LIST_ENTRY(it, struct slice, link);

		if (is_known(s))
			assign_slice(s);
		else
			list_append(&resolver.waiting, &s->link);
	}
}

static void
run(void *arg)
{
	struct frame request = FRAME_INIT;
	struct list  batch = LIST_INIT(batch);
	struct map  *asked;

	(void)arg;
	while (!list_is_empty(&resolver.waiting)) {
		asked = map_new();
		collect(&batch, &request, asked);
		if (map_count(asked) > 0 && !ask(&request, asked)) {
			log_warn("problem talking to service %s: %m",
			    RESOLVE_SERVICE);
			task_sleep_ms(RETRY_MS);
		}
		map_free(asked, NULL);
		finish_batch(&batch);
	}
	resolver.tasks--;
	frame_done(&request);
}

static int
compare_by_domain(const struct recipient *a, const struct recipient *b)
{
	const char *x = address_domain(a->address);
	const char *y = address_domain(b->address);
	int	    order = strcasecmp(x != NULL ? x : "", y != NULL ? y : "");

	return order != 0 ? order : strcasecmp(a->address, b->address);
}

/* That one stands for all recipients of redirected mail in logs and in the
 * field X-Original-To, as people know it from Postfix. */
static void
first_by_domain(struct envelope *e)
{
	struct recipient first = e->rcpt[0];
	uint32_t	 best = 0;

	for (uint32_t i = 1; i < e->rcpt_count; i++)
		if (compare_by_domain(&e->rcpt[i], &e->rcpt[best]) < 0)
			best = i;
	e->rcpt[0] = e->rcpt[best];
	e->rcpt[best] = first;
}

/* All recipients of redirected mail become one. */
static void
redirect(struct slice *s, const char *to)
{
	uint32_t keep = s == s->message->first ? 1 : 0;

	if (keep > 0)
		first_by_domain(&s->env);
	for (uint32_t i = keep; i < s->env.rcpt_count; i++)
		self_settle(s, &s->env.rcpt[i], SELF_DROP, "2.0.0", "");
	s->env.rcpt_count = keep;
	if (keep > 0)
		s->env.rcpt[0].address = pool_strdup(&s->env.pool, to);
}

void
resolve_slice(struct slice *s)
{
	const char *to = envelope_get(&s->message->first->env, ATTR_REDIRECT);

	if (*to != '\0')
		redirect(s, to);
	if (s->env.rcpt_count == 0)
		return;
	list_append(&resolver.waiting, &s->link);
	if (resolver.tasks < TASKS_MAX) {
		resolver.tasks++;
		task_start("resolver", run, NULL);
	}
}
