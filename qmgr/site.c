#include "qmgr/site.h"

#include <errno.h>
#include <string.h>

#include "conf/param.h"
#include "qmgr/schedule.h"
#include "qmgr/transport.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

#define FILE_NAME "saved/rates"

enum {
	LEARN_MS = 60 * 1000,	/* then the table is asked again */
	KNOWN_MAX = 20000,	/* next hops; then what is idle is forgotten */
	SAVE_MS = 30 * 1000,
	SAVE_PERIOD = 60 * 1000, /* ms; what is shorter is not worth a file */
	LOUD_MS = 10 * 1000,	/* pauses that are logged */
	FILE_MAX = 64 * 1024 * 1024,	/* bytes */
};

/* What the table said of a next hop. */
struct known {
	struct site	*site;		/* NULL: no limit */
	int64_t		 until;		/* clock_ms */
};

static struct {
	struct table_list *table;
	struct map	  *known;	/* next hop: struct known */
	struct map	  *sites;	/* name: struct site */
	struct timer	   save;
	bool		   changed;
} sites;

void
site_init(void)
{
	sites.table = table_list_open("destination_rate_limit_maps",
	    conf_mail.destination_rate_limit_maps, TABLE_FOLD);
	sites.known = map_new();
	sites.sites = map_new();
}

/* --- the table's answer: "100/1h connections=20/60s site=NAME" */

struct limits {
	uint32_t	 messages, connections;
	int64_t		 messages_ms, connections_ms;
	const char	*site;
};

static bool
parse_word(char *word, struct limits *l)
{
	if (strncmp(word, "site=", 5) == 0) {
		l->site = word + 5;
		return *l->site != '\0';
	}
	if (strncmp(word, "connections=", 12) == 0)
		return rate_parse(word + 12, &l->connections,
		    &l->connections_ms);
	return rate_parse(word, &l->messages, &l->messages_ms);
}

static struct site *
get_site(const char *name)
{
	struct site *s = map_find(sites.sites, name);

	if (s == NULL) {
		s = NEW(struct site);
		s->name = mem_strdup(name);
		list_init(&s->dests);
		map_set(sites.sites, name, s);
	}
	return s;
}

/* NULL: no limit. */
static struct site *
parse(const char *key, char *text)
{
	struct limits l = { .site = key };
	struct site  *s;
	char	     *next = text, *word;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL)
		if (!parse_word(word, &l)) {
			log_warn("destination_rate_limit_maps: \"%s\" for "
			    "\"%s\" is no limit; write NUMBER/PERIOD, "
			    "connections=NUMBER/PERIOD or site=NAME", word,
			    key);
			return NULL;
		}
	if (l.messages == 0 && l.connections == 0)
		return NULL;
	s = get_site(l.site);
	rate_set(&s->messages, l.messages, l.messages_ms);
	rate_set(&s->connections, l.connections, l.connections_ms);
	return s;
}

/* --- asking */

/* "[host.example]:25" is host.example. */
static char *
bare_name(const char *nexthop)
{
	bool   literal = *nexthop == '[';
	size_t len = strcspn(nexthop + literal, literal ? "]" : ":");

	return text_lower(mem_strndup(nexthop + literal, len));
}

/* The domain, its parents with a dot in front, "*". */
static enum table_result
look_up(const char *domain, struct buf *ret)
{
	const char	 *parent = domain;
	enum table_result r = table_list_find(sites.table, domain, ret);

	while (r == TABLE_NOT_FOUND && (parent = strchr(parent, '.')) != NULL)
		r = table_list_find_exact(sites.table, parent++, ret);
	if (r == TABLE_NOT_FOUND)
		r = table_list_find_exact(sites.table, "*", ret);
	return r;
}

static void
free_site(struct site *s)
{
	map_remove(sites.sites, s->name);
	timer_cancel(&s->timer);
	rate_done(&s->messages);
	rate_done(&s->connections);
	mem_free(s->name);
	mem_free(s);
}

static void
forget_idle(void)
{
	int64_t now = clock_ms();

	map_free(sites.known, mem_free);
	sites.known = map_new();
	for (size_t i = map_count(sites.sites); i-- > 0; ) {
		struct site *s = map_at(sites.sites, i)->value;

		if (list_is_empty(&s->dests) &&
		    rate_is_idle(&s->messages, now) &&
		    rate_is_idle(&s->connections, now))
			free_site(s);
	}
}

void
site_learn(const char *nexthop)
{
	struct known *k;
	struct buf    value = BUF_INIT;
	struct site  *site = NULL;
	char	     *domain;

	if (table_list_is_empty(sites.table))
		return;
	k = map_find(sites.known, nexthop);
	if (k != NULL && clock_ms() < k->until)
		return;
	domain = bare_name(nexthop);
	switch (look_up(domain, &value)) {
	case TABLE_FOUND:
		site = parse(domain, value.data);
		break;
	case TABLE_NOT_FOUND:
		break;
	case TABLE_ERROR:
		/* what was known is better than nothing */
		log_warn("destination_rate_limit_maps: %s",
		    table_list_error(sites.table));
		k = map_find(sites.known, nexthop);
		site = k != NULL ? k->site : NULL;
	}
	if (map_count(sites.known) >= KNOWN_MAX)
		forget_idle();
	k = map_find(sites.known, nexthop);
	if (k == NULL) {
		k = NEW(struct known);
		map_set(sites.known, nexthop, k);
	}
	k->site = site;
	k->until = clock_ms() + LEARN_MS;
	mem_free(domain);
	buf_done(&value);
}

struct site *
site_find(const char *nexthop)
{
	struct known *k = sites.known == NULL ? NULL :
	    map_find(sites.known, nexthop);

	return k == NULL ? NULL : k->site;
}

/* --- counting */

static void
refresh_all(struct site *s)
{
	LIST_EACH(it, &s->dests)
		schedule_refresh(LIST_ENTRY(it, struct dest, of_site));
}

static void
may_go_on(struct timer *t)
{
	struct site *s = HEAP_ENTRY(t, struct site, timer);

	s->closed = false;
	refresh_all(s);
	transport_run_all();
}

/* Until when, if it may not go on now. */
static void
close_if_full(struct site *s)
{
	int64_t now = clock_ms();
	int64_t at = rate_next(&s->messages, now);
	int64_t at_connections = rate_next(&s->connections, now);

	if (at < at_connections)
		at = at_connections;
	if (at <= now)
		return;
	if (at - now >= LOUD_MS && !s->closed)
		log_info("site %s: %s sent; the next in %lld s", s->name,
		    at == at_connections ?
		    "as much as its limit of connections allows" :
		    "as many messages as its limit allows",
		    (long long)(at - now + 999) / 1000);
	s->closed = true;
	timer_set(&s->timer, at, may_go_on);
	refresh_all(s);
}

bool
site_is_open(const struct site *s)
{
	return !s->closed;
}

void
site_begin(struct site *s)
{
	rate_take(&s->messages, clock_ms());
	sites.changed = true;
	close_if_full(s);
}

void
site_connected(struct site *s, unsigned count)
{
	if (count == 0 || s->connections.limit == 0)
		return;
	while (count-- > 0)
		rate_take(&s->connections, clock_ms());
	sites.changed = true;
	close_if_full(s);
}

/* --- the file: name, kind, limit, period, times (wall clock, ms) */

static void
write_rate(struct buf *b, const char *name, char kind, struct rate *r)
{
	int64_t shift = clock_wall_us() / 1000 - clock_ms();

	if (r->period < SAVE_PERIOD || rate_is_idle(r, clock_ms()) ||
	    strchr(name, ' ') != NULL)
		return;
	buf_addf(b, "%s %c %u %lld", name, kind, (unsigned)r->limit,
	    (long long)r->period);
	for (uint32_t i = 0; i < r->count; i++)
		buf_addf(b, " %lld",
		    (long long)(r->at[(r->first + i) % r->size] + shift));
	buf_addc(b, '\n');
}

void
site_save(void)
{
	struct buf b = BUF_INIT;

	if (!sites.changed)
		return;
	sites.changed = false;
	for (size_t i = 0; i < map_count(sites.sites); i++) {
		struct site *s = map_at(sites.sites, i)->value;

		write_rate(&b, s->name, 'm', &s->messages);
		write_rate(&b, s->name, 'c', &s->connections);
	}
	if (b.len > 0 &&
	    !file_replace_bytes(FILE_NAME, b.data, b.len, 0600))
		log_warn("write " FILE_NAME ": %m");
	buf_done(&b);
}

static void
save_again(struct timer *t)
{
	site_save();
	timer_set(t, clock_ms() + SAVE_MS, save_again);
}

/* What lies in the future by the wall clock is left out: the clock was put
 * back. */
static bool
read_line(char *line)
{
	int64_t	     now = clock_ms(), shift = clock_wall_us() / 1000 - now;
	char	    *name = strsep(&line, " "), *kind = strsep(&line, " ");
	char	    *limit = strsep(&line, " "), *period, *word;
	long	     n, ms, at;
	struct site *s;
	struct rate *r;

	period = limit == NULL ? NULL : strsep(&line, " ");
	if (period == NULL || !text_to_long(limit, 1, RATE_LIMIT_MAX, &n) ||
	    !text_to_long(period, 1, INT64_MAX / 2, &ms))
		return false;
	s = get_site(name);
	r = *kind == 'c' ? &s->connections : &s->messages;
	rate_set(r, (uint32_t)n, ms);
	while ((word = strsep(&line, " ")) != NULL)
		if (text_to_long(word, 0, INT64_MAX / 2, &at) &&
		    at - shift <= now)
			rate_take(r, at - shift);
	close_if_full(s);
	return true;
}

void
site_start(void)
{
	struct buf b = BUF_INIT;
	char	  *next, *line;

	if (table_list_is_empty(sites.table))
		return;
	if (file_read(FILE_NAME, FILE_MAX, &b)) {
		next = b.data;
		while ((line = strsep(&next, "\n")) != NULL)
			if (*line != '\0' && !read_line(line))
				log_warn(FILE_NAME ": bad line");
	} else if (errno != ENOENT) {
		log_warn("read " FILE_NAME ": %m");
	}
	buf_done(&b);
	timer_set(&sites.save, clock_ms() + SAVE_MS, save_again);
}
