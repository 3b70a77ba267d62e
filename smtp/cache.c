#include <string.h>

#include "mail/deliver_proto.h"
#include "mail/nexthop.h"
#include "net/addr.h"
#include "smtp/cache.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "table/match.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/task.h"

enum { SESSIONS_MAX = 500 };	/* kept by one process */

/*
 * Each session in the cache is on by_age (oldest first) and on the list of
 * its address.  Lists in the map are never empty.
 */
static struct {
	struct list	 by_age;
	struct map	*addrs;
	struct match	*always;	/* connection_cache_destinations */
	size_t		 count;
	bool		 has_reaper;
} cache = { .by_age = LIST_INIT(cache.by_age) };

/* A destination is listed without brackets, port or "unix:". */
static bool
is_listed(const char *destination)
{
	struct pool    pool = POOL_INIT;
	struct nexthop hop;
	const char    *why;
	char	     **list = nexthop_split(&pool, destination);
	bool	       listed = false;

	for (; !listed && *list != NULL; list++)
		listed = nexthop_parse(&pool, *list, &hop, &why) &&
		    match_domain(cache.always, hop.path != NULL ? hop.path :
		    hop.host) == MATCH_YES;
	pool_done(&pool);
	return listed;
}

bool
cache_is_wanted(const char *destination, unsigned flags)
{
	if (settings.connection_cache_time_limit <= 0)
		return false;
	if (settings.connection_cache_on_demand && (flags & DELIVER_KEEP_OPEN))
		return true;
	if (*settings.connection_cache_destinations == '\0')
		return false;
	if (cache.always == NULL)
		cache.always = match_new("connection_cache_destinations",
		    settings.connection_cache_destinations, false);
	return is_listed(destination);
}

/* The latest first: it is the least likely to have been closed. */
static void
add_by_addr(struct session *s)
{
	struct map_entry *e;
	struct list *head;

	if (cache.addrs == NULL)
		cache.addrs = map_new();
	e = map_slot(cache.addrs, &s->addr.sa, s->addr.len);
	if (e->value == NULL) {
		head = mem_alloc(sizeof *head);
		list_init(head);
		e->value = head;
	}
	list_push(e->value, &s->by_addr);
}

static struct list *
find(const struct addr *a)
{
	return cache.addrs == NULL ? NULL :
	    map_find_n(cache.addrs, &a->sa, a->len);
}

static void
take_out(struct session *s)
{
	struct list *head = find(&s->addr);

	list_remove(&s->by_age);
	list_remove(&s->by_addr);
	if (head != NULL && list_is_empty(head)) {
		map_remove_n(cache.addrs, &s->addr.sa, s->addr.len);
		mem_free(head);
	}
	cache.count--;
}

/* Closes sessions when their time is over; lives while there are any.  Servers
 * know this of Postfix: no QUIT, whose answer nobody would wait for. */
static void
reap(void *arg)
{
	struct session *s;
	int64_t now;

	(void)arg;
	while (!list_is_empty(&cache.by_age)) {
		s = LIST_ENTRY(cache.by_age.next, struct session, by_age);
		now = clock_ms();
		if (s->idle_until > now) {
			task_sleep_ms(s->idle_until - now);
			continue;
		}
		take_out(s);
		session_free(s);
	}
	cache.has_reaper = false;
}

bool
cache_may_keep(const struct session *s)
{
	return stream_failed(s->stream) == NULL && s->expires > clock_ms() &&
	    (settings.connection_reuse_count_limit <= 0 ||
	    s->use_count <= settings.connection_reuse_count_limit);
}

void
cache_put(struct session *s)
{
	if (!cache_may_keep(s) || cache.count >= SESSIONS_MAX) {
		session_quit(s);
		return;
	}
	s->idle_until = clock_in(settings.connection_cache_time_limit);
	s->queue_id = NULL;
	list_append(&cache.by_age, &s->by_age);
	add_by_addr(s);
	cache.count++;
	if (!cache.has_reaper) {
		cache.has_reaper = true;
		task_start("session reaper", reap, NULL);
	}
}

/* A server that speaks before we do says good-bye. */
static bool
is_sound(struct session *s)
{
	return stream_pending(s->stream) == 0 &&
	    stream_failed(s->stream) == NULL && !stream_at_eof(s->stream);
}

static struct session *
claim(struct session *s)
{
	take_out(s);
	if (!is_sound(s)) {
		session_free(s);
		return NULL;
	}
	s->use_count++;
	return s;
}

static bool
is_of(const struct session *s, const char *login, const char *policy)
{
	if (strcmp(policy, s->policy) != 0)
		return false;
	return login == NULL || s->login == NULL ? login == s->login :
	    strcmp(login, s->login) == 0;
}

static struct session *
find_of(const struct addr *a, const char *login, const char *policy)
{
	struct list *head = find(a);

	if (head == NULL)
		return NULL;
	LIST_EACH(l, head) {
		struct session *s = LIST_ENTRY(l, struct session, by_addr);

		if (is_of(s, login, policy))
			return s;
	}
	return NULL;
}

struct session *
cache_take(const struct addr *a, const char *login, const char *policy)
{
	struct session *s = NULL, *found;

	while (s == NULL && (found = find_of(a, login, policy)) !=
	    NULL)
		s = claim(found);
	return s;
}

bool
cache_has(const struct addr *a)
{
	return find(a) != NULL;
}

void
cache_end(void)
{
	struct session *s;

	while (!list_is_empty(&cache.by_age)) {
		s = LIST_ENTRY(cache.by_age.next, struct session, by_age);
		take_out(s);
		session_free(s);
	}
}
