/*
 * flow - what the log says of the last ten minutes
 *
 * Seconds are counted in a ring.  Destinations and clients are counted in
 * halves of five minutes: the half before goes when a third would begin, and
 * with it who was seen there only; so memory is bounded by what happens in ten
 * minutes, and by a limit.
 */

#include "commands/posttop/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/log_line.h"
#include "util/buf.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	RING = 600,		/* seconds */
	HALF = 300,
	NAMES_MAX = 100000,
	NAME_WIDTH = 36,
};

enum what { IN, SENT, DEFERRED, BOUNCED, REJECTED, CONNECTS, FAILED_LOGINS,
	WARNINGS, WHATS };

static const char *const names[WHATS] = { "messages in", "delivered",
	"deferred", "bounced", "rejected", "connections", "failed log-ins",
	"warnings" };

struct second {
	time_t		at;
	unsigned	count[WHATS];
};

struct destination {
	unsigned	tries, failed;
	double		seconds;	/* connection and transfer, of all */
	double		worst;
};

struct client {
	unsigned	connects, messages, rejects, failed_logins;
};

struct half {
	time_t		begin;
	struct map     *destinations, *clients;
};

struct flow {
	struct second	ring[RING];
	time_t		latest;
	struct half	half[2];	/* now, and before */
};

static void
half_init(struct half *h, time_t begin)
{
	*h = (struct half){ begin, map_new(), map_new() };
}

static void
half_done(struct half *h)
{
	map_free(h->destinations, mem_free);
	map_free(h->clients, mem_free);
}

struct flow *
flow_new(void)
{
	struct flow *f = NEW(struct flow);

	half_init(&f->half[0], 0);
	half_init(&f->half[1], 0);
	return f;
}

void
flow_free(struct flow *f)
{
	if (f == NULL)
		return;
	half_done(&f->half[0]);
	half_done(&f->half[1]);
	mem_free(f);
}

time_t
flow_latest(const struct flow *f)
{
	return f->latest;
}

/* --- counting */

static void
turn_halves(struct flow *f, time_t at)
{
	if (at < f->half[0].begin + HALF)
		return;
	half_done(&f->half[1]);
	f->half[1] = f->half[0];
	half_init(&f->half[0], at);
}

static void
count(struct flow *f, time_t at, enum what what)
{
	struct second *s = &f->ring[at % RING];

	if (s->at != at)
		*s = (struct second){ .at = at };
	s->count[what]++;
}

static void *
slot(struct map *map, struct str name, size_t size)
{
	struct map_entry *e;

	if (name.n == 0 || name.n > 255)
		name = STR("?");
	if (map_count(map) >= NAMES_MAX &&
	    map_find_n(map, name.p, name.n) == NULL)
		name = STR("(others)");
	e = map_slot(map, name.p, name.n);
	if (e->value == NULL)
		e->value = mem_zalloc(size);
	return e->value;
}

static struct client *
client(struct flow *f, struct str label)
{
	struct str addr = log_client_addr(label);

	return slot(f->half[0].clients, addr.n > 0 ? addr : label,
	    sizeof(struct client));
}

/* c + d of delays=a/b/c/d: what the other side takes. */
static double
own_seconds(struct str delays)
{
	char   text[64], *p = text;
	double sum = 0;

	snprintf(text, sizeof text, "%.*s",
	    delays.n < 60 ? (int)delays.n : 60, delays.n > 0 ? delays.p : "");
	for (int i = 0; i < 4 && p != NULL; i++) {
		if (i >= 2)
			sum += strtod(p, NULL);
		p = strchr(p, '/');
		p = p == NULL ? NULL : p + 1;
	}
	return sum;
}

static void
count_destination(struct flow *f, const struct log_field *list, size_t n,
    bool failed)
{
	struct str	    to = log_field_get(list, n, "to");
	const char	   *at = to.n == 0 ? NULL : memrchr(to.p, '@', to.n);
	struct destination *d;
	double		    seconds;

	if (at != NULL)
		to = (struct str){ at + 1, to.n - (size_t)(at + 1 - to.p) };
	d = slot(f->half[0].destinations, to, sizeof *d);
	seconds = own_seconds(log_field_get(list, n, "delays"));
	d->tries++;
	d->failed += failed;
	d->seconds += seconds;
	if (seconds > d->worst)
		d->worst = seconds;
}

static void
count_delivery(struct flow *f, const struct log_line *l, time_t at,
    const struct log_field *list, size_t n)
{
	struct str status = log_field_get(list, n, "status");

	if (str_is(status, "sent"))
		count(f, at, SENT);
	else if (str_is(status, "bounced"))
		count(f, at, BOUNCED);
	else
		count(f, at, DEFERRED);
	if (str_is(l->program, "smtp") || str_is(l->program, "lmtp"))
		count_destination(f, list, n, !str_is(status, "sent"));
}

void
flow_add(struct flow *f, const struct log_line *l)
{
	struct log_field list[LOG_FIELDS_MAX];
	time_t		 at = (time_t)(l->time_us / 1000000);
	struct str	 who;
	size_t		 n;

	if (!l->is_mail || at <= 0)
		return;
	if (at > f->latest)
		f->latest = at;
	else if (at <= f->latest - RING)
		return;
	turn_halves(f, at);
	n = log_line_fields(l, list);
	who = log_field_get(list, n, "client");
	if (l->level != LEVEL_INFO)
		count(f, at, WARNINGS);
	switch (l->kind) {
	case LOGGED_CONNECT:
		count(f, at, CONNECTS);
		client(f, who)->connects++;
		break;
	case LOGGED_CLIENT:
		client(f, who)->messages++;
		count(f, at, IN);
		break;
	case LOGGED_PICKUP:
		count(f, at, IN);
		break;
	case LOGGED_DELIVERY:
		count_delivery(f, l, at, list, n);
		break;
	case LOGGED_REJECT:
		who = log_field_get(list, n, "action");
		if (!str_is(who, "reject") && !str_is(who, "milter-reject"))
			break;		/* held, warned ... */
		count(f, at, REJECTED);
		who = log_field_get(list, n, "client");
		if (who.n > 0)
			client(f, who)->rejects++;
		break;
	case LOGGED_AUTH_FAILED:
		count(f, at, FAILED_LOGINS);
		client(f, who)->failed_logins++;
		break;
	default:
		break;
	}
}

/* --- printing */

static unsigned long
sum(const struct flow *f, time_t now, int seconds, enum what what)
{
	unsigned long total = 0;

	for (int i = 0; i < seconds; i++) {
		const struct second *s = &f->ring[(now - i) % RING];

		if (s->at == now - i)
			total += s->count[what];
	}
	return total;
}

void
flow_print_rates(const struct flow *f, struct buf *b, time_t now)
{
	buf_addf(b, "%-16s %12s %12s %12s\n", "FLOW", "10 s", "1 min",
	    "10 min");
	for (int i = 0; i < WHATS; i++)
		buf_addf(b, "%-16s %10.1f/s %10.1f/s %12lu\n", names[i],
		    (double)sum(f, now, 10, i) / 10,
		    (double)sum(f, now, 60, i) / 60, sum(f, now, RING, i));
}

/* One name with the numbers of both halves. */
struct line {
	const char *name;
	double	    weight;
	union {
		struct destination d;
		struct client	   c;
	} u;
};

static int
heaviest_first(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void
add_destination(struct line *l, const void *value)
{
	const struct destination *d = value;

	l->u.d.tries += d->tries;
	l->u.d.failed += d->failed;
	l->u.d.seconds += d->seconds;
	if (d->worst > l->u.d.worst)
		l->u.d.worst = d->worst;
	l->weight = l->u.d.seconds / l->u.d.tries;
}

static void
add_client(struct line *l, const void *value)
{
	const struct client *c = value;

	l->u.c.connects += c->connects;
	l->u.c.messages += c->messages;
	l->u.c.rejects += c->rejects;
	l->u.c.failed_logins += c->failed_logins;
	l->weight += c->connects + c->messages + c->rejects +
	    c->failed_logins;
}

/* Both halves, the heaviest first; caller frees. */
static struct line *
merge(const struct map *new, const struct map *old,
    void (*add)(struct line *, const void *), size_t *ret_count)
{
	struct line *list = mem_zalloc((map_count(new) + map_count(old) + 1) *
	    sizeof *list);
	const struct map_entry *e;
	const void *other;
	size_t	    n = 0;

	for (size_t i = 0; i < map_count(new); i++) {
		e = map_at(new, i);
		list[n].name = e->key;
		add(&list[n], e->value);
		other = map_find_n(old, e->key, e->key_len);
		if (other != NULL)
			add(&list[n], other);
		n++;
	}
	for (size_t i = 0; i < map_count(old); i++) {
		e = map_at(old, i);
		if (map_find_n(new, e->key, e->key_len) != NULL)
			continue;
		list[n].name = e->key;
		add(&list[n++], e->value);
	}
	qsort(list, n, sizeof *list, heaviest_first);
	*ret_count = n;
	return list;
}

/* The halves that are not too old by now. */
static struct line *
merge_halves(const struct flow *f, time_t now, bool clients,
    size_t *ret_count)
{
	static struct map *none;
	const struct map  *maps[2];

	if (none == NULL)
		none = map_new();
	for (int i = 0; i < 2; i++) {
		const struct half *h = &f->half[i];

		if (h->begin + 2 * HALF <= now)
			maps[i] = none;
		else
			maps[i] = clients ? h->clients : h->destinations;
	}
	return merge(maps[0], maps[1], clients ? add_client :
	    add_destination, ret_count);
}

static void
add_name(struct buf *b, const char *name)
{
	struct buf clean = BUF_INIT;

	text_printable(&clean, name, strlen(name), true);
	buf_addf(b, "%-*.*s", NAME_WIDTH, NAME_WIDTH, clean.data);
	buf_done(&clean);
}

void
flow_print_slow(const struct flow *f, struct buf *b, time_t now, size_t rows)
{
	size_t	     n;
	struct line *list = merge_halves(f, now, false, &n);

	buf_addf(b, "%-*s %9s %9s %9s %9s\n", NAME_WIDTH,
	    "SLOW DESTINATIONS", "average", "worst", "tries", "failed");
	for (size_t i = 0; i < n && i < rows; i++) {
		const struct destination *d = &list[i].u.d;

		add_name(b, list[i].name);
		buf_addf(b, " %8.2fs %8.2fs %9u %9u\n",
		    d->seconds / d->tries, d->worst, d->tries, d->failed);
	}
	mem_free(list);
}

void
flow_print_clients(const struct flow *f, struct buf *b, time_t now,
    size_t rows)
{
	size_t	     n;
	struct line *list = merge_halves(f, now, true, &n);

	buf_addf(b, "%-*s %9s %9s %9s %9s\n", NAME_WIDTH, "BUSIEST CLIENTS",
	    "connects", "messages", "rejected", "log-in!");
	for (size_t i = 0; i < n && i < rows; i++) {
		const struct client *c = &list[i].u.c;

		add_name(b, list[i].name);
		buf_addf(b, " %9u %9u %9u %9u\n", c->connects, c->messages,
		    c->rejects, c->failed_logins);
	}
	mem_free(list);
}
