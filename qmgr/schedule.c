#include "qmgr/schedule.h"

#include "qmgr/agent.h"
#include "qmgr/site.h"
#include "qmgr/transport.h"
#include "server/server.h"
#include "util/clock.h"
#include "util/map.h"
#include "util/mem.h"

enum {
	INDEX_FROM = 16,	/* fewer peers of a job are gone through */
	LOOK_AHEAD = 8,		/* candidates for preemption of each size */
};

bool
peer_before(const struct heap_node *a, const struct heap_node *b)
{
	return HEAP_ENTRY(a, struct peer, of_dest)->job->rank <
	    HEAP_ENTRY(b, struct peer, of_dest)->job->rank;
}

static struct peer *
first_peer(const struct dest *d)
{
	return HEAP_ENTRY(heap_first(&d->peers), struct peer, of_dest);
}

/* Of one job's destinations that goes first which waited longest. */
bool
dest_before(const struct heap_node *a, const struct heap_node *b)
{
	const struct dest *x = HEAP_ENTRY(a, struct dest, of_ready);
	const struct dest *y = HEAP_ENTRY(b, struct dest, of_ready);
	int64_t		   rx = first_peer(x)->job->rank;
	int64_t		   ry = first_peer(y)->job->rank;

	return rx != ry ? rx < ry : x->turn < y->turn;
}

void
schedule_refresh(struct dest *d)
{
	struct heap *ready = &d->transport->ready;
	bool	     may = d->peers.count > 0 && !dest_is_dead(d) &&
	    !d->waiting && d->busy < (d->one_by_one ? 1 : d->window.size) &&
	    (d->site == NULL || site_is_open(d->site));

	if (!may)
		heap_remove(ready, &d->of_ready);
	else if (d->of_ready.at == 0)
		heap_add(ready, &d->of_ready);
	else
		heap_moved(ready, &d->of_ready);
}

/* --- jobs */

static void
set_size_class(struct job *j)
{
	unsigned n = j->slots.waiting;
	int	 class = 0;

	list_remove(&j->of_size);
	if (n == 0)
		return;
	while (n > 1 && class < SIZE_CLASSES - 1) {
		n >>= 1;
		class++;
	}
	list_append(&j->transport->by_size[class], &j->of_size);
}

static struct job *
get_job(struct message *m, struct transport *t)
{
	struct job *j;

	LIST_EACH(it, &m->jobs) {
		j = LIST_ENTRY(it, struct job, of_message);
		if (j->transport == t)
			return j;
	}
	j = NEW(struct job);
	j->message = m;
	j->transport = t;
	j->rank = t->back++;
	j->since = clock_ms();
	list_init(&j->peers);
	list_init(&j->of_size);
	list_append(&m->jobs, &j->of_message);
	return j;
}

static struct peer *
find_peer(struct job *j, struct dest *d)
{
	struct peer *p;

	if (j->index != NULL)
		return map_find_n(j->index, &d, sizeof d);
	LIST_EACH(it, &j->peers) {
		p = LIST_ENTRY(it, struct peer, of_job);
		if (p->dest == d)
			return p;
	}
	return NULL;
}

static void
add_to_index(struct job *j, struct peer *p)
{
	if (j->index == NULL && j->peer_count < INDEX_FROM)
		return;
	if (j->index != NULL) {
		map_slot(j->index, &p->dest, sizeof p->dest)->value = p;
		return;
	}
	j->index = map_new();
	LIST_EACH(it, &j->peers) {
		p = LIST_ENTRY(it, struct peer, of_job);
		map_slot(j->index, &p->dest, sizeof p->dest)->value = p;
	}
}

static struct peer *
get_peer(struct job *j, struct dest *d)
{
	struct peer *p = find_peer(j, d);

	if (p != NULL)
		return p;
	p = NEW(struct peer);
	p->job = j;
	p->dest = d;
	list_init(&p->entries);
	list_append(&j->peers, &p->of_job);
	j->peer_count++;
	add_to_index(j, p);
	heap_add(&d->peers, &p->of_dest);
	return p;
}

static void
free_peer(struct peer *p)
{
	struct job *j = p->job;

	heap_remove(&p->dest->peers, &p->of_dest);
	list_remove(&p->of_job);
	j->peer_count--;
	if (j->index != NULL)
		map_remove_n(j->index, &p->dest, sizeof p->dest);
	mem_free(p);
}

void
schedule_forget(struct message *m)
{
	struct list *it;
	struct job  *j;

	while ((it = list_take(&m->jobs)) != NULL) {
		j = LIST_ENTRY(it, struct job, of_message);
		if (j->transport->current == j)
			j->transport->current = NULL;
		list_remove(&j->of_size);
		map_free(j->index, NULL);
		mem_free(j);
	}
}

/* --- entries */

static struct entry *
last_entry(const struct peer *p)
{
	return LIST_ENTRY(p->entries.prev, struct entry, link);
}

static struct entry *
open_entry(struct peer *p, struct slice *s, const char *nexthop)
{
	uint32_t      limit = p->dest->transport->recipient_limit;
	struct entry *e;

	if (!list_is_empty(&p->entries) && message_verp(s->message) == NULL) {
		e = last_entry(p);
		if (e->slice == s && (limit == 0 || e->count < limit))
			return e;
	}
	e = NEW(struct entry);
	e->slice = s;
	e->dest = p->dest;
	e->nexthop = pool_strdup(&s->env.pool, nexthop);
	list_append(&p->entries, &e->link);
	p->job->slots.waiting++;
	set_size_class(p->job);
	return e;
}

void
schedule_add(struct slice *s, struct recipient *r, struct dest *d,
    const char *nexthop)
{
	struct job   *j = get_job(s->message, d->transport);
	struct entry *e = open_entry(get_peer(j, d), s, nexthop);

	if (e->count == e->size) {
		e->size = e->size == 0 ? 1 : 4 * e->size;
		e->rcpt = mem_realloc(e->rcpt, e->size * sizeof(*e->rcpt));
	}
	e->rcpt[e->count++] = r;
	d->transport->recipients++;
	schedule_refresh(d);
}

void
schedule_free_entry(struct entry *e)
{
	e->dest->transport->recipients -= e->count;
	mem_free(e->rcpt);
	mem_free(e);
}

struct entry *
schedule_take(struct dest *d)
{
	struct peer  *p;
	struct entry *e;
	struct job   *j;

	if (d->peers.count == 0)
		return NULL;
	p = first_peer(d);
	j = p->job;
	e = LIST_ENTRY(list_take(&p->entries), struct entry, link);
	j->slots.waiting--;
	j->slots.begun++;
	if (list_is_empty(&p->entries))
		free_peer(p);
	set_size_class(j);
	schedule_refresh(d);
	return e;
}

/* --- preemption: a small job steps in front of the current one */

static bool
may_deliver(const struct job *j)
{
	int looked = 0;

	LIST_EACH(it, &j->peers) {
		if (LIST_ENTRY(it, struct peer, of_job)->dest->of_ready.at != 0)
			return true;
		if (++looked == LOOK_AHEAD)
			break;
	}
	return false;
}

/* Of one size.  Few are looked at, for what it costs; those that are no
 * candidates go to the end, so that next time others are seen. */
static struct job *
best_of_size(struct list *jobs, const struct job *current,
    const struct slot_rules *rules, double *best_score)
{
	struct job  *best = NULL, *j;
	struct list *it = jobs->next, *next;
	int64_t	     now = clock_ms();
	double	     score;

	for (int n = 0; n < LOOK_AHEAD && it != jobs; n++, it = next) {
		next = it->next;
		j = LIST_ENTRY(it, struct job, of_size);
		if (j->rank <= current->rank || !slots_could(&current->slots,
		    rules, j->slots.waiting) || !may_deliver(j)) {
			list_remove(&j->of_size);
			list_append(jobs, &j->of_size);
			continue;
		}
		score = (double)(now - j->since + 1) / j->slots.waiting;
		if (score > *best_score) {
			best = j;
			*best_score = score;
		}
	}
	return best;
}

/* The oldest for its size. */
static struct job *
find_candidate(struct transport *t, const struct job *current)
{
	struct job *best = NULL, *j;
	double	    score = -1;
	int	    most = slots_ever(&current->slots, &t->slots);

	for (int c = 0; c < SIZE_CLASSES && (1 << c) <= most; c++) {
		j = best_of_size(&t->by_size[c], current, &t->slots, &score);
		if (j != NULL)
			best = j;
	}
	return best;
}

/* All its destinations leave the heap before their order changes: the heap
 * can put right one that is out of place, not several. */
static void
set_rank(struct job *j, int64_t rank)
{
	struct peer *p;

	LIST_EACH(it, &j->peers) {
		p = LIST_ENTRY(it, struct peer, of_job);
		heap_remove(&j->transport->ready, &p->dest->of_ready);
	}
	j->rank = rank;
	LIST_EACH(it, &j->peers) {
		p = LIST_ENTRY(it, struct peer, of_job);
		heap_moved(&p->dest->peers, &p->of_dest);
		schedule_refresh(p->dest);
	}
}

static void
preempt(struct transport *t)
{
	struct job *current = t->current, *j;

	if (current == NULL || current->slots.waiting == 0 ||
	    !slots_worth_a_look(&current->slots, &t->slots))
		return;
	j = find_candidate(t, current);
	if (j == NULL || !slots_may(&current->slots, &t->slots,
	    j->slots.waiting))
		return;
	current->slots.spent += j->slots.waiting;
	set_rank(j, --t->front);
}

void
schedule_run(struct transport *t)
{
	struct dest  *d;
	struct entry *e;

	while (t->ready.count > 0 && transport_has_room(t) &&
	    !server_stopping()) {
		preempt(t);
		d = HEAP_ENTRY(heap_first(&t->ready), struct dest, of_ready);
		t->current = first_peer(d)->job;
		d->turn = ++t->turns;
		d->busy++;
		t->busy++;
		e = schedule_take(d);
		if (d->site != NULL)
			site_begin(d->site);
		agent_deliver(t, e);
	}
}
