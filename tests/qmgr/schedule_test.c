#include "qmgr/heap.c"
#include "qmgr/policy.c"
#include "qmgr/timer.c"
#include "qmgr/transport.c"
#include "qmgr/schedule.c"
#include "qmgr/rate.c"
#include "qmgr/site.c"

#include "conf/conf.h"
#include "tests/test.h"

/* --- what the rest of qmgr would do */

enum { LOG_MAX = 1000 };

static struct entry *begun[LOG_MAX];	/* in the order they were begun */
static size_t	     begun_count, ended_count, redirected;

void
agent_deliver(struct transport *t, struct entry *e)
{
	(void)t;
	begun[begun_count++] = e;
}

bool
agent_has_room(const struct transport *t)
{
	(void)t;
	return true;
}

void
resolve_again(struct entry *e)
{
	redirected += e->count;
	schedule_free_entry(e);
}

const char *
message_verp(const struct message *m)
{
	(void)m;
	return NULL;
}

static void
end_delivery(struct entry *e)
{
	struct transport *t = e->dest->transport;

	e->dest->busy--;
	t->busy--;
	dest_rest(e->dest);
	schedule_run(t);
	ended_count++;
}

/* Ends deliveries in the order they were begun, until none is left. */
static void
run_all(void)
{
	while (ended_count < begun_count)
		end_delivery(begun[ended_count]);
}

static void
reset(void)
{
	/* their destinations may be gone */
	for (size_t i = 0; i < begun_count; i++) {
		mem_free(begun[i]->rcpt);
		mem_free(begun[i]);
	}
	begun_count = ended_count = redirected = 0;
}

/* --- messages */

struct fake {
	struct message	 m;
	struct slice	 s;
};

static struct fake *
new_fake(const char *id)
{
	struct fake *f = NEW(struct fake);

	strcpy(f->m.id, id);
	list_init(&f->m.jobs);
	envelope_init(&f->s.env);
	f->s.message = &f->m;
	f->m.first = &f->s;
	return f;
}

static void
free_fake(struct fake *f)
{
	schedule_forget(&f->m);
	envelope_done(&f->s.env);
	mem_free(f);
}

static void
add(struct fake *f, struct transport *t, const char *address,
    const char *nexthop)
{
	struct recipient *r = envelope_add_rcpt(&f->s.env, address, "", "", 0);

	schedule_add(&f->s, r, dest_get(t, nexthop, address), nexthop);
}

/* The ids of the messages in the order of their deliveries. */
static void
check_order(const char *want)
{
	struct buf got = BUF_INIT;

	for (size_t i = 0; i < begun_count; i++)
		buf_addf(&got, "%s ", begun[i]->slice->message->id);
	CHECK_STR(got.data, want);
	buf_done(&got);
}

/* --- tests */

static void
messages_for_one_destination_go_in_order(void)
{
	struct transport *t = transport_get("order");
	struct fake *a = new_fake("a"), *b = new_fake("b"), *c = new_fake("c");

	t->window.initial = t->window.limit = 1;
	add(a, t, "u@x", "x");
	add(b, t, "u@x", "x");
	add(c, t, "u@x", "x");
	schedule_run(t);
	CHECK_INT(begun_count, 1);
	run_all();
	check_order("a b c ");
	reset();
	free_fake(a), free_fake(b), free_fake(c);
}

static void
a_busy_destination_does_not_hold_others_up(void)
{
	struct transport *t = transport_get("busy");
	struct fake *a = new_fake("a"), *b = new_fake("b"), *c = new_fake("c");

	t->window.initial = t->window.limit = 1;
	add(a, t, "u@x", "x");
	add(b, t, "u@x", "x");
	add(c, t, "u@y", "y");
	schedule_run(t);
	check_order("a c ");
	run_all();
	check_order("a c b ");
	reset();
	free_fake(a), free_fake(b), free_fake(c);
}

static void
a_mailbox_that_deliveries_waited_for_gets_one_at_a_time(void)
{
	struct transport *t = transport_get("mailbox");
	struct fake *a = new_fake("a"), *b = new_fake("b"), *c = new_fake("c");

	t->window.initial = t->window.limit = 2;
	add(a, t, "u@x", "x");
	add(b, t, "u@x", "x");
	add(c, t, "u@x", "x");
	schedule_run(t);
	CHECK_INT(begun_count, 2);
	begun[1]->dest->one_by_one = true;
	end_delivery(begun[0]);
	CHECK_INT(begun_count, 2);
	end_delivery(begun[1]);
	CHECK_INT(begun_count, 3);
	run_all();
	reset();
	free_fake(a), free_fake(b), free_fake(c);
}

static void
recipients_are_split_by_the_limit(void)
{
	struct transport *t = transport_get("split");
	struct fake	 *a = new_fake("a");

	t->recipient_limit = 2;
	for (int i = 0; i < 5; i++)
		add(a, t, "u@x", "X");
	schedule_run(t);
	CHECK_INT(begun_count, 3);
	CHECK_INT(begun[0]->count, 2);
	CHECK_INT(begun[2]->count, 1);
	run_all();
	reset();
	free_fake(a);
}

static void
one_recipient_a_delivery_makes_recipients_destinations(void)
{
	struct transport *t = transport_get("each");
	struct fake	 *a = new_fake("a");

	t->recipient_limit = 1;
	t->window.initial = t->window.limit = 1;
	add(a, t, "u@x", "host");
	add(a, t, "v@x", "host");
	add(a, t, "u@x", "host");
	schedule_run(t);
	CHECK_INT(begun_count, 2);
	run_all();
	CHECK_INT(begun_count, 3);
	reset();
	free_fake(a);
}

static void
deliveries_stay_below_the_process_limit(void)
{
	struct transport *t = transport_get("limit");
	struct fake	 *a = new_fake("a");
	char		  host[16];

	t->limit = 3;
	for (int i = 0; i < 10; i++) {
		snprintf(host, sizeof host, "h%d", i);
		add(a, t, "u@x", host);
	}
	schedule_run(t);
	CHECK_INT(begun_count, 3);
	run_all();
	CHECK_INT(begun_count, 10);
	reset();
	free_fake(a);
}

static void
add_many(struct fake *f, struct transport *t, int count)
{
	char host[16];

	for (int i = 0; i < count; i++) {
		snprintf(host, sizeof host, "h%d", i);
		add(f, t, "u@x", host);
	}
}

static void
a_small_message_passes_a_large_one(void)
{
	struct transport *t = transport_get("large");
	struct fake *big = new_fake("B"), *small = new_fake("s");
	size_t	     at = 0;

	t->limit = 1;
	add_many(big, t, 100);
	schedule_run(t);
	add(small, t, "u@x", "other");
	run_all();
	while (at < begun_count && begun[at]->slice != &small->s)
		at++;
	CHECK(at >= 1 && at <= 3);
	CHECK_INT(begun_count, 101);
	reset();
	free_fake(big), free_fake(small);
}

/* Endless small messages must not starve the large one: with a slot cost of
 * k it is at most k / (k - 1) times as late, and its loan. */
static void
small_messages_do_not_starve_a_large_one(void)
{
	enum { SMALL = 300, LARGE = 100 };
	struct transport *t = transport_get("starve");
	struct fake	 *big = new_fake("B"), *small[SMALL];
	size_t		  last = 0;

	t->limit = 1;
	add_many(big, t, LARGE);
	schedule_run(t);
	for (int i = 0; i < SMALL; i++) {
		small[i] = new_fake("s");
		add(small[i], t, "u@x", "other");
	}
	run_all();
	CHECK_INT(begun_count, SMALL + LARGE);
	for (size_t i = 0; i < begun_count; i++)
		if (begun[i]->slice == &big->s)
			last = i;
	CHECK(last < LARGE * 5 / 4 + 5);
	reset();
	for (int i = 0; i < SMALL; i++)
		free_fake(small[i]);
	free_fake(big);
}

static void
a_dead_destination_gives_its_mail_away(void)
{
	struct transport *t = transport_get("dead");
	struct fake	 *a = new_fake("a");
	struct why	  why = WHY_INIT;
	struct dest	 *d;

	t->recipient_limit = 2;
	t->window.initial = t->window.limit = 1;
	for (int i = 0; i < 7; i++)
		add(a, t, "u@x", "x");
	schedule_run(t);
	d = begun[0]->dest;
	why_set(&why, "4.4.1", "no route");
	dest_set_dead(d, &why);
	CHECK_INT(redirected, 5);
	CHECK_STR(d->dead.text.data,
	    "delivery temporarily suspended: no route");
	run_all();
	CHECK_INT(begun_count, 1);
	transport_revive_all();
	CHECK(map_count(t->dests) == 0);
	reset();
	free_fake(a);
	why_done(&why);
}

static void
a_dead_transport_keeps_no_destinations(void)
{
	struct transport *t = transport_get("gone");
	struct fake	 *a = new_fake("a");

	t->limit = 1;
	add_many(a, t, 20);
	schedule_run(t);
	transport_set_dead(t, "4.3.0", "mail transport unavailable");
	CHECK_INT(redirected, 19);
	run_all();
	CHECK_INT(begun_count, 1);
	CHECK(map_count(t->dests) == 0);
	transport_revive_all();
	CHECK(!transport_is_dead(t));
	reset();
	free_fake(a);
}

int
main(void)
{
	const char *why = "";

	conf_set_dir("/dev/null");
	if (!conf_override("myhostname=mx.example", &why) ||
	    !conf_load(&param_mail, &why) || !conf_load(&param_qmgr, &why)) {
		printf("Bail out! %s\n", why);
		return 1;
	}
	TEST(messages_for_one_destination_go_in_order);
	TEST(a_busy_destination_does_not_hold_others_up);
	TEST(a_mailbox_that_deliveries_waited_for_gets_one_at_a_time);
	TEST(recipients_are_split_by_the_limit);
	TEST(one_recipient_a_delivery_makes_recipients_destinations);
	TEST(deliveries_stay_below_the_process_limit);
	TEST(a_small_message_passes_a_large_one);
	TEST(small_messages_do_not_starve_a_large_one);
	TEST(a_dead_destination_gives_its_mail_away);
	TEST(a_dead_transport_keeps_no_destinations);
	return test_end();
}
