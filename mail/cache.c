#include "mail/cache.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "table/table.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/task.h"
#include "util/text.h"

/* Other programs know this key. */
#define CLEANED_KEY "_LAST_CACHE_CLEANUP_COMPLETED_"

struct cache {
	char		*name;
	struct table	*table;		/* NULL: in memory */
	struct map	*memory;	/* mem_strdup() */
	bool		 complained;
	/* A walk over some tables does not bear changes: who has one waits. */
	bool		 walking;
	struct task_cond walked;
	int		 interval;	/* seconds */
	cache_keep_fn	*keep;
	void		*arg;
};

/* --- open and close */

static struct table *
open_table(const char *name, const char *owner)
{
	const struct passwd *pw = geteuid() == 0 ? getpwnam(owner) : NULL;
	bool		     is_root = pw != NULL && pw->pw_uid != 0;
	struct table	    *t;

	if (is_root && !proc_act_as(pw->pw_uid, pw->pw_gid))
		return NULL;
	t = table_open(name, TABLE_WRITE | TABLE_DUP_REPLACE | TABLE_SYNC |
	    TABLE_UTF8);
	if (is_root && !proc_act_as_root())
		panic("can't become root again");
	return t;
}

struct cache *
cache_open(const char *title, const char *name, const char *owner)
{
	struct cache *c = NEW(struct cache);

	task_cond_init(&c->walked);
	if (*name != '\0') {
		c->table = open_table(name, owner);
		if (c->table == NULL || table_is_broken(c->table)) {
			log_warn("%s: %s; what is learned ends with the "
			    "process", name, c->table != NULL ?
			    table_error(c->table) : "can't change user");
			table_close(c->table);
			c->table = NULL;
		}
	}
	if (c->table == NULL) {
		c->memory = map_new();
		c->name = mem_printf("internal:%s", title);
	} else {
		c->name = mem_strdup(name);
	}
	return c;
}

void
cache_close(struct cache *c)
{
	if (c == NULL)
		return;
	table_close(c->table);
	map_free(c->memory, mem_free);
	mem_free(c->name);
	mem_free(c);
}

/* --- entries */

static void
note(struct cache *c, bool ok)
{
	if (!ok && !c->complained)
		log_warn("cache %s: %s", c->name, table_error(c->table));
	c->complained = !ok;
}

bool
cache_find(struct cache *c, const char *key, struct buf *ret)
{
	enum table_result r;
	const char	 *value;

	if (c->table != NULL) {
		r = table_find(c->table, key, ret);
		note(c, r != TABLE_ERROR);
		return r == TABLE_FOUND;
	}
	if ((value = map_find(c->memory, key)) == NULL)
		return false;
	buf_set(ret, value);
	return true;
}

static void
wait_walk(struct cache *c)
{
	while (c->walking)
		task_wait(&c->walked, CLOCK_NEVER);
}

void
cache_put(struct cache *c, const char *key, const char *value)
{
	wait_walk(c);
	if (c->table != NULL)
		note(c, table_put(c->table, key, value));
	else
		mem_free(map_set(c->memory, key, mem_strdup(value)));
}

void
cache_remove(struct cache *c, const char *key)
{
	wait_walk(c);
	if (c->table != NULL)
		note(c, table_delete(c->table, key) != TABLE_ERROR);
	else
		mem_free(map_remove(c->memory, key));
}

/* --- cleaning */

struct doomed {
	struct pool	 pool;
	const char	**key;
	size_t		 count, size;
};

struct tally {
	struct doomed	 doomed;
	unsigned	 retained;
};

static void
judge(struct cache *c, struct tally *t, const char *key, const char *value)
{
	struct doomed *d = &t->doomed;

	if (text_eq(key, CLEANED_KEY))
		return;
	if (c->keep(c->arg, key, value)) {
		t->retained++;
		return;
	}
	if (d->count == d->size) {
		d->size = d->size == 0 ? 64 : 2 * d->size;
		d->key = mem_realloc(d->key, d->size * sizeof *d->key);
	}
	d->key[d->count++] = pool_strdup(&d->pool, key);
}

static bool
walk_table(struct cache *c, struct tally *t)
{
	struct buf	  key = BUF_INIT, value = BUF_INIT;
	enum table_result r = table_sequence(c->table, true, &key, &value);

	for (; r == TABLE_FOUND;
	    r = table_sequence(c->table, false, &key, &value))
		judge(c, t, key.data, value.data);
	buf_done(&key);
	buf_done(&value);
	return r != TABLE_ERROR;
}

static void
walk_memory(struct cache *c, struct tally *t)
{
	for (size_t i = 0; i < map_count(c->memory); i++) {
		struct map_entry *e = map_at(c->memory, i);

		judge(c, t, e->key, e->value);
	}
}

/* A table that can't list what it has is not cleaned. */
static void
clean(struct cache *c)
{
	struct tally t = { .retained = 0 };
	bool	     ok = true;
	char	     now[32];

	c->walking = true;
	if (c->table != NULL)
		ok = walk_table(c, &t);
	else
		walk_memory(c, &t);
	c->walking = false;
	task_wake_all(&c->walked);
	for (size_t i = 0; i < t.doomed.count; i++)
		cache_remove(c, t.doomed.key[i]);
	if (ok) {
		log_info("cache %s full cleanup: retained=%u dropped=%zu "
		    "entries", c->name, t.retained, t.doomed.count);
		snprintf(now, sizeof now, "%lld", (long long)time(NULL));
		cache_put(c, CLEANED_KEY, now);
	}
	mem_free(t.doomed.key);
	pool_done(&t.doomed.pool);
}

static long long
last_cleaned(struct cache *c)
{
	struct buf text = BUF_INIT;
	long long  when = 0;

	if (cache_find(c, CLEANED_KEY, &text))
		when = atoll(text.data);
	buf_done(&text);
	return when;
}

static void
clean_task(void *arg)
{
	struct cache *c = arg;
	long long     wait = last_cleaned(c) + c->interval - time(NULL);

	if (wait > c->interval)
		wait = c->interval;	/* the clock was set back */
	for (;; wait = c->interval) {
		if (wait > 0)
			task_sleep_ms(wait * 1000);
		clean(c);
	}
}

void
cache_clean_every(struct cache *c, int seconds, cache_keep_fn *keep, void *arg)
{
	if (seconds <= 0)
		return;
	c->interval = seconds;
	c->keep = keep;
	c->arg = arg;
	task_start("cache cleanup", clean_task, c);
}
