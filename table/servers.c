#include "table/servers.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/task.h"
#include "util/text.h"

enum { TURN_WAIT = 60 };	/* seconds for a connection to become free */

struct host {
	char	*name;
	int64_t	 retry_at;	/* clock_ms; 0: it is not known to be down */
};

/* On the idle list, or owned by one servers_run(). */
struct connection {
	struct list	 link;
	struct host	*host;
	void		*handle;
	int64_t		 idle_until;
};

struct servers {
	struct servers_options	 o;
	struct host		*hosts;
	int			 count;
	struct list		 idle;	/* the one used last is first */
	int			 in_use;
	struct task_cond	 turn;
	pid_t			 pid;	/* whose connections they are */
};

struct servers *
servers_new(const char *hosts, const struct servers_options *options)
{
	struct servers *p = NEW(struct servers);
	char	    *copy = mem_strdup(hosts), *at = copy, *word;

	p->o = *options;
	if (p->o.most == 0)
		p->o.most = SERVERS_CONNECTIONS;
	p->pid = getpid();
	list_init(&p->idle);
	task_cond_init(&p->turn);
	p->hosts = mem_alloc((strlen(hosts) / 2 + 1) * sizeof *p->hosts);
	while ((word = text_word(&at, TEXT_LIST_SEP, false)) != NULL)
		if (*word != '\0')
			p->hosts[p->count++] =
			    (struct host){ .name = mem_strdup(word) };
	mem_free(copy);
	return p;
}

int
servers_host_count(const struct servers *p)
{
	return p->count;
}

static void
drop(struct servers *p, struct connection *c)
{
	list_remove(&c->link);
	if (p->pid == getpid())
		p->o.close(p->o.arg, c->handle);
	mem_free(c);
}

void
servers_free(struct servers *p)
{
	if (p == NULL)
		return;
	LIST_EACH(it, &p->idle)
		drop(p, LIST_ENTRY(it, struct connection, link));
	for (int i = 0; i < p->count; i++)
		mem_free(p->hosts[i].name);
	mem_free(p->hosts);
	mem_free(p);
}

/* The parent's connections are not ours to use, nor to say good-bye on. */
static void
look_for_fork(struct servers *p)
{
	if (p->pid == getpid())
		return;
	LIST_EACH(it, &p->idle)
		list_remove(it);
	p->in_use = 0;
	p->pid = getpid();
}

static void
drop_old(struct servers *p)
{
	int64_t now = clock_ms();

	LIST_EACH(it, &p->idle) {
		struct connection *c = LIST_ENTRY(it, struct connection, link);

		if (c->idle_until <= now)
			drop(p, c);
	}
}

static unsigned
random_below(unsigned n)
{
	unsigned r;

	if (getrandom(&r, sizeof r, 0) != sizeof r)
		r = (unsigned)clock_ms();
	return r % n;
}

static bool
is_better(struct servers *p, const struct host *h, bool local_found)
{
	return p->o.in_order || !local_found || text_starts(h->name, "unix:");
}

/* One that may be tried; `tried` is a bit for each host.  NULL if none. */
static struct host *
choose(struct servers *p, uint64_t tried)
{
	int64_t	     now = clock_ms();
	struct host *good[64];
	unsigned     n = 0;
	bool	     local = false;

	for (int i = 0; i < p->count && i < 64; i++) {
		struct host *h = &p->hosts[i];

		if ((tried >> i & 1) != 0 || h->retry_at > now ||
		    !is_better(p, h, local))
			continue;
		if (!local && text_starts(h->name, "unix:")) {
			local = true;
			if (!p->o.in_order)
				n = 0;
		}
		good[n++] = h;
	}
	if (n == 0)
		return NULL;
	return good[p->o.in_order ? 0 : random_below(n)];
}

static void
note_down(struct servers *p, struct host *h, const struct buf *why)
{
	h->retry_at = clock_in(p->o.retry_seconds);
	if (!p->o.quiet)
		log_warn("%s: %s", h->name, why->data);
}

static struct connection *
find_idle(struct servers *p, uint64_t tried)
{
	LIST_EACH(it, &p->idle) {
		struct connection *c = LIST_ENTRY(it, struct connection, link);

		if ((tried >> (c->host - p->hosts) & 1) == 0)
			return c;
	}
	return NULL;
}

static struct connection *
connect_new(struct servers *p, uint64_t *tried, struct buf *why)
{
	struct connection *c;
	struct host	  *h;
	void		  *handle;

	while ((h = choose(p, *tried)) != NULL) {
		buf_clear(why);
		handle = p->o.open(p->o.arg, h->name, why);
		if (handle != NULL) {
			c = NEW(struct connection);
			list_init(&c->link);
			c->host = h;
			c->handle = handle;
			h->retry_at = 0;
			return c;
		}
		*tried |= (uint64_t)1 << (h - p->hosts);
		note_down(p, h, why);
	}
	if (why->len == 0)
		buf_adds(why, p->count == 0 ? "no host is given" :
		    "all hosts are down, the next try is later");
	return NULL;
}

static void
keep(struct servers *p, struct connection *c)
{
	if (p->o.idle_seconds == 0) {
		drop(p, c);
		return;
	}
	c->idle_until = p->o.idle_seconds == INT_MAX ? CLOCK_NEVER :
	    clock_in(p->o.idle_seconds);
	list_push(&p->idle, &c->link);
}

/*
 * Every turn of the loop uses up an idle connection, finds a host to be down,
 * or marks one as tried: it ends.
 */
static bool
run(struct servers *p, servers_fn *fn, void *arg, struct buf *why)
{
	struct connection *c;
	uint64_t	   tried = 0;
	bool		   was_idle;

	for (;;) {
		c = find_idle(p, tried);
		was_idle = c != NULL;
		if (was_idle)
			list_remove(&c->link);
		else
			c = connect_new(p, &tried, why);
		if (c == NULL)
			return false;
		buf_clear(why);
		switch (fn(arg, c->handle, why)) {
		case SERVERS_DONE:
			keep(p, c);
			return true;
		case SERVERS_FAILED:
			/* Another host may know better. */
			tried |= (uint64_t)1 << (c->host - p->hosts);
			keep(p, c);
			break;
		case SERVERS_LOST:
			/* The server may just have been restarted. */
			if (!was_idle) {
				tried |= (uint64_t)1 << (c->host - p->hosts);
				note_down(p, c->host, why);
			}
			drop(p, c);
			break;
		}
	}
}

bool
servers_run(struct servers *p, servers_fn *fn, void *arg, struct buf *why)
{
	int64_t deadline = clock_in(TURN_WAIT);
	bool	ok;

	look_for_fork(p);
	while (p->in_use >= p->o.most && task_running())
		if (!task_wait(&p->turn, deadline)) {
			buf_set(why, "no connection became free");
			return false;
		}
	drop_old(p);
	p->in_use++;
	ok = run(p, fn, arg, why);
	p->in_use--;
	task_wake_one(&p->turn);
	return ok;
}
