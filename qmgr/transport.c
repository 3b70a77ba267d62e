#include "qmgr/transport.h"

#include <string.h>

#include "conf/conf.h"
#include "conf/master_cf.h"
#include "mail/address.h"
#include "qmgr/agent.h"
#include "qmgr/resolve.h"
#include "qmgr/schedule.h"
#include "qmgr/site.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

static struct {
	struct list		 list;
	struct map		*by_name;
	struct service_table	 services;
} transports = { .list = LIST_INIT(transports.list) };

/* --- parameters */

void
transport_read_limits(void)
{
	const char *why;
	char	   *path = mem_printf("%s/master.cf", conf_dir());

	/* Without them master's own bound on sessions does the same, later. */
	if (!master_cf_read(&transports.services, path,
	    conf_mail.default_process_limit, &why))
		log_warn("%s", why);
	mem_free(path);
}

static int
process_limit(const char *name)
{
	const struct service *s = master_cf_find(&transports.services, name,
	    SERVICE_UNIX);

	return s != NULL ? s->maxproc : 0;
}

bool
transport_is_known(const char *name)
{
	return master_cf_find(&transports.services, name, SERVICE_UNIX) !=
	    NULL;
}

static int
int_for(const char *name, const char *suffix, int fallback)
{
	const char *why = NULL;
	int	    n = conf_int_for(name, suffix, fallback, &why);

	if (why != NULL)
		log_warn("%s", why);
	return n;
}

static long
delay_for(const char *name, const char *suffix, long fallback)
{
	const char *why = NULL;
	long	    ms = conf_delay_for(name, suffix, fallback, 's', &why);

	if (why != NULL)
		log_warn("%s", why);
	return ms;
}

static void
feedback_for(const char *name, const char *suffix, const char *fallback,
    struct feedback *ret)
{
	const char *text = conf_str_for(name, suffix, fallback);

	if (feedback_parse(text, ret))
		return;
	log_warn("%s%s: \"%s\" is no feedback; write a number from 0 to 1, or"
	    " 1/concurrency, or 1/sqrt_concurrency; using 1", name, suffix,
	    text);
	*ret = (struct feedback){ .amount = 1 };
}

static bool
is_listed(const char *items, const char *name)
{
	char *copy = mem_strdup(items), *rest = copy, *word;
	bool  found = false;

	while (!found &&
	    (word = text_word(&rest, TEXT_LIST_SEP, false)) != NULL)
		found = strcmp(word, name) == 0;
	mem_free(copy);
	return found;
}

/* Two at a time would wait for each other's locks: the second comes when the
 * first has gone well. */
static bool
writes_mailboxes(const char *name)
{
	const struct service *s = master_cf_find(&transports.services, name,
	    SERVICE_UNIX);

	return s != NULL && (text_eq(s->program, "local") ||
	    text_eq(s->program, "virtual"));
}

static void
load_window(struct transport *t)
{
	const char *n = t->name;

	t->window.initial = int_for(n, "_initial_destination_concurrency",
	    t->recipient_limit == 1 && writes_mailboxes(n) ? 1 :
	    conf_mail.initial_destination_concurrency);
	t->window.limit = int_for(n, "_destination_concurrency_limit",
	    conf_qmgr.default_destination_concurrency_limit);
	t->window.cohort_limit = int_for(n,
	    "_destination_concurrency_failed_cohort_limit",
	    conf_qmgr.default_destination_concurrency_failed_cohort_limit);
	feedback_for(n, "_destination_concurrency_positive_feedback",
	    conf_qmgr.default_destination_concurrency_positive_feedback,
	    &t->window.positive);
	feedback_for(n, "_destination_concurrency_negative_feedback",
	    conf_qmgr.default_destination_concurrency_negative_feedback,
	    &t->window.negative);
	t->dest_delay = delay_for(n, "_destination_rate_delay",
	    conf_qmgr.default_destination_rate_delay);
	t->delay = delay_for(n, "_transport_rate_delay",
	    conf_mail.default_transport_rate_delay);
	/* With a pause between deliveries there is one at a time. */
	if (t->dest_delay > 0)
		t->window.limit = t->window.initial = 1;
}

static void
load(struct transport *t)
{
	const char *n = t->name;

	t->recipient_limit = (uint32_t)int_for(n,
	    "_destination_recipient_limit",
	    conf_qmgr.default_destination_recipient_limit);
	load_window(t);
	t->limit = t->delay > 0 ? 1 : process_limit(n);
	t->pool = (uint32_t)int_for(n, "_recipient_limit",
	    conf_qmgr.default_recipient_limit);
	t->extra_pool = (uint32_t)int_for(n, "_extra_recipient_limit",
	    conf_qmgr.default_extra_recipient_limit);
	t->refill = (uint32_t)int_for(n, "_recipient_refill_limit",
	    conf_qmgr.default_recipient_refill_limit);
	t->refill_delay = delay_for(n, "_recipient_refill_delay",
	    conf_qmgr.default_recipient_refill_delay * 1000L);
	t->slots.cost = int_for(n, "_delivery_slot_cost",
	    conf_qmgr.default_delivery_slot_cost);
	t->slots.loan = int_for(n, "_delivery_slot_loan",
	    conf_qmgr.default_delivery_slot_loan);
	t->slots.discount = int_for(n, "_delivery_slot_discount",
	    conf_qmgr.default_delivery_slot_discount);
	t->slots.minimum = int_for(n, "_minimum_delivery_slots",
	    conf_qmgr.default_minimum_delivery_slots);
	t->deferred = is_listed(conf_mail.defer_transports, n);
}

struct transport *
transport_get(const char *name)
{
	struct transport *t;

	if (transports.by_name == NULL)
		transports.by_name = map_new();
	if ((t = map_find(transports.by_name, name)) != NULL)
		return t;
	t = NEW(struct transport);
	t->name = mem_strdup(name);
	t->dests = map_new();
	t->ready.before = dest_before;
	t->dead = (struct why)WHY_INIT;
	list_init(&t->idle);
	for (int i = 0; i < SIZE_CLASSES; i++)
		list_init(&t->by_size[i]);
	load(t);
	list_append(&transports.list, &t->link);
	map_set(transports.by_name, name, t);
	return t;
}

bool
transport_is_dead(const struct transport *t)
{
	return t->dead.dsn[0] != '\0';
}

bool
transport_has_room(const struct transport *t)
{
	return !transport_is_dead(t) && !t->waiting &&
	    (t->limit == 0 || t->busy < t->limit) && agent_has_room(t);
}

const struct dest *
transport_busiest(size_t *ret_count)
{
	const struct dest *found = NULL;

	*ret_count = 0;
	LIST_EACH(it, &transports.list) {
		struct transport *t = LIST_ENTRY(it, struct transport, link);

		for (size_t i = 0; i < map_count(t->dests); i++) {
			const struct dest *d = map_at(t->dests, i)->value;
			size_t count = d->peers.count + (size_t)d->busy;

			if (count > *ret_count) {
				*ret_count = count;
				found = d;
			}
		}
	}
	return found;
}

void
transport_run_all(void)
{
	LIST_EACH(it, &transports.list)
		schedule_run(LIST_ENTRY(it, struct transport, link));
}

/* --- destinations */

struct dest *
dest_get(struct transport *t, const char *nexthop, const char *recipient)
{
	struct buf   key = BUF_INIT;
	struct dest *d;

	if (t->recipient_limit == 1) {
		buf_add(&key, recipient, address_local_len(recipient));
		buf_addc(&key, '@');
	}
	buf_adds(&key, nexthop);
	text_lower(key.data);
	if ((d = map_find(t->dests, key.data)) == NULL) {
		d = NEW(struct dest);
		d->transport = t;
		d->peers.before = peer_before;
		d->dead = (struct why)WHY_INIT;
		d->turn = ++t->turns;
		window_start(&d->window, &t->window);
		list_init(&d->of_site);
		d->site = site_find(nexthop);
		if (d->site != NULL)
			list_append(&d->site->dests, &d->of_site);
		map_set(t->dests, key.data, d);
		d->key = buf_take(&key);
	}
	buf_done(&key);
	return d;
}

/* Frees it if nothing is known or waits there. */
static void
release(struct dest *d)
{
	if (d->busy > 0 || d->peers.count > 0 || dest_is_dead(d) || d->waiting)
		return;
	heap_remove(&d->transport->ready, &d->of_ready);
	timer_cancel(&d->timer);
	map_remove(d->transport->dests, d->key);
	list_remove(&d->of_site);
	heap_done(&d->peers);
	why_done(&d->dead);
	mem_free(d->key);
	mem_free(d);
}

bool
dest_is_dead(const struct dest *d)
{
	return d->dead.dsn[0] != '\0';
}

/* --- dead and alive */

/* Hands all that waits for a destination to the retry service. */
static void
drain(struct dest *d)
{
	struct entry *e;

	while ((e = schedule_take(d)) != NULL)
		resolve_again(e);
}

static void
revive_dest(struct timer *timer)
{
	struct dest *d = HEAP_ENTRY(timer, struct dest, timer);

	why_clear(&d->dead);
	d->waiting = false;
	if (d->window.size < 1)
		window_start(&d->window, &d->transport->window);
	schedule_refresh(d);
	if (d->peers.count > 0)
		schedule_run(d->transport);
	else
		release(d);
}

void
dest_set_dead(struct dest *d, const struct why *why)
{
	why_set(&d->dead, why->dsn, "delivery temporarily suspended: %s",
	    why->text.data);
	timer_set(&d->timer, clock_in(conf_mail.minimal_backoff_time),
	    revive_dest);
	schedule_refresh(d);
	drain(d);
}

static void
revive_transport(struct timer *timer)
{
	struct transport *t = HEAP_ENTRY(timer, struct transport, revive);

	why_clear(&t->dead);
	schedule_run(t);
}

void
transport_set_dead(struct transport *t, const char *dsn, const char *text)
{
	if (transport_is_dead(t))
		return;
	why_set(&t->dead, dsn, "%s", text);
	timer_set(&t->revive, clock_in(conf_mail.transport_retry_time),
	    revive_transport);
	/* Draining may free destinations: the last takes the hole. */
	for (size_t i = map_count(t->dests); i-- > 0; ) {
		struct dest *d = map_at(t->dests, i)->value;

		drain(d);
		release(d);
	}
}

void
transport_revive_all(void)
{
	struct transport *t;

	LIST_EACH(it, &transports.list) {
		t = LIST_ENTRY(it, struct transport, link);
		timer_cancel(&t->revive);
		why_clear(&t->dead);
		t->failures = 0;
		for (size_t i = map_count(t->dests); i-- > 0; ) {
			struct dest *d = map_at(t->dests, i)->value;

			if (dest_is_dead(d)) {
				timer_cancel(&d->timer);
				revive_dest(&d->timer);
			}
		}
	}
}

/* First all are taken out: some come back to where they were. */
static void
review(struct transport *t, struct list *entries)
{
	struct entry *e;

	for (size_t i = map_count(t->dests); i-- > 0; ) {
		struct dest *d = map_at(t->dests, i)->value;

		while ((e = schedule_take(d)) != NULL)
			list_append(entries, &e->link);
	}
}

void
transport_review_all(void)
{
	struct list  entries = LIST_INIT(entries);
	struct list *it;

	LIST_EACH(at, &transports.list)
		review(LIST_ENTRY(at, struct transport, link), &entries);
	while ((it = list_take(&entries)) != NULL)
		resolve_again(LIST_ENTRY(it, struct entry, link));
	transport_run_all();
}

/* --- after a delivery */

static void
next_delivery(struct timer *timer)
{
	struct transport *t = HEAP_ENTRY(timer, struct transport, next);

	t->waiting = false;
	schedule_run(t);
}

void
dest_rest(struct dest *d)
{
	struct transport *t = d->transport;

	d->last_ms = clock_ms();
	if (t->dest_delay > 0 && !dest_is_dead(d)) {
		d->waiting = true;
		timer_set(&d->timer, clock_ms() + t->dest_delay, revive_dest);
	}
	if (t->delay > 0) {
		t->waiting = true;
		timer_set(&t->next, clock_ms() + t->delay, next_delivery);
	}
	schedule_refresh(d);
	release(d);
}
