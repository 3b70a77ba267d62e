/*
 * redis: tables
 *
 * GET and SET of single keys, or HGET and HSET of the fields of a hash.  The
 * protocol is spoken here, over streams: a lookup waits as a task, and there is
 * no library to load.
 *
 * The nodes of a cluster say which of them has a key (redis_cluster.c).
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "table/ask.h"
#include "table/query.h"
#include "table/redis_cluster.h"
#include "table/resp.h"
#include "table/secure.h"
#include "table/servers.h"
#include "table/table_type.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/text.h"

enum {
	IDLE = 60, RETRY = 30,	/* seconds */
	TIMEOUT = 5,		/* seconds for a connection or an answer */
	REDIRECTS_MAX = 5,	/* of one command in a cluster */
};

#define PORT "6379"

struct redis {
	struct query	 query;
	const char	*key_format;
	const char	*hash_format;	/* or NULL */
	const char	*user, *password;
	int		 database, ttl, timeout;
	struct servers	*servers;
	struct cluster	*cluster;	/* or NULL: it is none */
	struct secure	*secure;	/* or NULL: in the clear */
	int		 users;		/* calls that wait */
	bool		 closed;	/* the last one frees it */

	/* table_sequence() */
	struct buf	 cursor;	/* empty: not begun */
	struct buf	 found;		/* keys, each with its NUL */
	size_t		 at;
};

static void
destroy(struct redis *r)
{
	servers_free(r->servers);
	cluster_free(r->cluster);
	secure_free(r->secure);
	query_done(&r->query);
	buf_done(&r->cursor);
	buf_done(&r->found);
	mem_free(r);
}

/* --- connections */

static bool
expect_ok(struct stream *s, const struct str *words, size_t count,
    struct buf *why)
{
	struct buf     text = BUF_INIT;
	enum resp_kind kind;
	long	       n;

	resp_send(s, words, count);
	kind = resp_read(s, &text, &n);
	if (kind == RESP_NONE)
		buf_set(why, stream_failed(s));
	else if (kind != RESP_STATUS)
		buf_addf(why, "%s: %s", words[0].p, text.data);
	buf_done(&text);
	return kind == RESP_STATUS;
}

static bool
log_in(struct redis *r, struct stream *s, struct buf *why)
{
	struct str auth[3] = { STR("AUTH") }, choose[2] = { STR("SELECT") };
	char	   number[16];
	size_t	   n = 1;

	if (*r->user != '\0')
		auth[n++] = str_of(r->user);
	auth[n++] = str_of(r->password);
	if (*r->password != '\0' && !expect_ok(s, auth, n, why))
		return false;
	if (r->database == 0)
		return true;
	snprintf(number, sizeof number, "%d", r->database);
	choose[1] = str_of(number);
	return expect_ok(s, choose, 2, why);
}

static void *
open_connection(void *arg, const char *host, struct buf *why)
{
	struct redis  *r = arg;
	struct stream *s;
	int	       fd = ask_connect(host, PORT, clock_in(r->timeout));

	if (fd < 0) {
		buf_set(why, strerror(errno));
		return NULL;
	}
	s = stream_open(fd);
	stream_set_deadline(s, r->timeout);
	if ((r->secure == NULL || text_starts(host, "unix:") ||
	    secure_begin(r->secure, s, host, clock_in(r->timeout), why)) &&
	    log_in(r, s, why))
		return s;
	stream_abort(s);
	return NULL;
}

static void
close_connection(void *arg, void *connection)
{
	(void)arg;
	stream_abort(connection);
}

/* --- opening */

static void
read_settings(struct redis *r)
{
	struct settings	   *set = &r->query.settings;
	struct servers_options o = {
		.open = open_connection, .close = close_connection, .arg = r,
	};

	r->key_format = query_setting(&r->query, "key_format", "%s");
	r->hash_format = query_setting(&r->query, "hash_format", NULL);
	r->user = settings_text(set, "user", "");
	r->password = settings_text(set, "password", "");
	r->database = settings_int(set, "database", 0, 0);
	r->ttl = settings_seconds(set, "ttl", 0);
	r->timeout = settings_seconds(set, "timeout", TIMEOUT);
	o.idle_seconds = settings_seconds(set, "idle_interval", IDLE);
	o.retry_seconds = settings_seconds(set, "retry_interval", RETRY);
	r->servers = servers_new(settings_text(set, "hosts", "localhost"),
	    &o);
	if (servers_host_count(r->servers) == 0)
		settings_fail(set, "no hosts are given");
	if (settings_bool(set, "cluster", false)) {
		r->cluster = cluster_new(&o);
		if (r->database != 0)
			settings_fail(set, "database: a cluster has only "
			    "database 0");
	}
	r->secure = secure_new(set);
	if (r->ttl > 0 && r->hash_format != NULL)
		settings_fail(set, "ttl: the fields of a hash do not expire; "
		    "leave out ttl or hash_format");
}

static bool
open_redis(struct table *t)
{
	struct redis *r = NEW(struct redis);

	r->cursor = r->found = (struct buf)BUF_INIT;
	if (query_init(&r->query, t)) {
		read_settings(r);
		if (!r->query.settings.failed) {
			t->state = r;
			return true;
		}
	}
	destroy(r);
	return false;
}

static bool
close_redis(struct table *t, bool publish)
{
	struct redis *r = t->state;

	(void)publish;
	if (r->users > 0)
		r->closed = true;
	else
		destroy(r);
	return true;
}

/* --- commands */

enum { WORDS_MAX = 6 };

struct call {
	struct redis   *redis;
	struct str	words[WORDS_MAX];
	size_t		count;
	enum resp_kind	kind;
	struct buf	text;
	long		number;
	struct buf     *keys;		/* SCAN: those found */
	bool		pairs;		/* HSCAN: values stand between */

	/* in a cluster */
	enum cluster_redirect redirect;	/* after an exchange */
	unsigned	slot;
	struct buf	host;
	bool		asking;		/* this once: the key is moving */
};

/* The two parts of a SCAN's reply: the cursor, the keys. */
static bool
read_scan(struct call *c, struct stream *s)
{
	struct buf item = BUF_INIT;
	long	   n, unused;

	if (resp_read(s, &c->text, &unused) == RESP_TEXT &&
	    resp_read(s, &item, &n) == RESP_ARRAY) {
		for (long i = 0; i < n; i++) {
			if (resp_read(s, &item, &unused) != RESP_TEXT)
				break;
			if ((c->pairs && i % 2 == 1) ||
			    memchr(item.data, '\0', item.len) != NULL)
				continue;
			buf_add(c->keys, item.data, item.len + 1);
		}
	}
	buf_done(&item);
	return stream_failed(s) == NULL;
}

static enum servers_result
exchange(void *arg, void *connection, struct buf *why)
{
	static const struct str asking = STR("ASKING");
	struct call	       *c = arg;
	struct stream	       *s = connection;

	c->redirect = CLUSTER_NO;
	stream_set_deadline(s, c->redis->timeout);
	if (c->asking && !expect_ok(s, &asking, 1, why))
		return stream_failed(s) != NULL ? SERVERS_LOST :
		    SERVERS_FAILED;
	resp_send(s, c->words, c->count);
	c->kind = resp_read(s, &c->text, &c->number);
	if (c->kind == RESP_ARRAY &&
	    (c->keys == NULL || c->number != 2 || !read_scan(c, s)))
		c->kind = RESP_NONE;
	stream_set_deadline_at(s, CLOCK_NEVER);
	if (c->kind == RESP_NONE) {
		buf_set(why, stream_failed(s) != NULL ? stream_failed(s) :
		    "malformed reply");
		return SERVERS_LOST;
	}
	if (c->kind == RESP_ERROR) {
		if (c->redis->cluster != NULL)
			c->redirect = cluster_parse(c->text.data, &c->slot,
			    &c->host);
		if (c->redirect != CLUSTER_NO)
			return SERVERS_DONE;
		buf_set(why, c->text.data);
		if (text_starts(c->text.data, "MOVED "))
			buf_adds(why, "; this server is of a cluster: set "
			    "cluster = yes");
		return SERVERS_FAILED;
	}
	return SERVERS_DONE;
}

static bool
add_part(void *arg, struct buf *out, struct str text, bool is_literal)
{
	(void)arg;
	(void)is_literal;
	buf_add(out, text.p, text.n);
	return true;
}

struct names {
	struct buf	key, hash;
	char	       *given;
};

static void
word(struct call *c, struct str text)
{
	if (c->count < WORDS_MAX)
		c->words[c->count++] = text;
}

/* Begins a command: its name, the hash if there is one, the key. */
static void
begin(struct redis *r, struct call *c, struct names *n, const char *key,
    const char *single, const char *hashed)
{
	*n = (struct names){ BUF_INIT, BUF_INIT, mem_strdup(key) };
	*c = (struct call){
		.redis = r, .text = BUF_INIT, .host = BUF_INIT,
	};
	r->users++;
	query_expand(&n->key, r->key_format, n->given, add_part, NULL);
	word(c, str_of(r->hash_format != NULL ? hashed : single));
	if (r->hash_format != NULL) {
		query_expand(&n->hash, r->hash_format, n->given, add_part,
		    NULL);
		word(c, (struct str){ n->hash.data, n->hash.len });
	}
	word(c, (struct str){ n->key.data, n->key.len });
}

static void
end(struct call *c, struct names *n)
{
	struct redis *r = c->redis;

	buf_done(&c->text);
	buf_done(&c->host);
	buf_done(&n->key);
	buf_done(&n->hash);
	mem_free(n->given);
	if (--r->users == 0 && r->closed)
		destroy(r);
}

/* From node to node until one has the key.  One that is known to have it and
 * does not answer may have been replaced: then any may be asked. */
static bool
run_in_cluster(struct redis *r, struct call *c, struct buf *why)
{
	struct servers *node;

	/* The second word is what a slot is made of. */
	node = cluster_find(r->cluster, cluster_slot(c->words[1]));
	for (int i = 0; i <= REDIRECTS_MAX; i++) {
		buf_clear(why);
		if (!servers_run(node != NULL ? node : r->servers, exchange, c,
		    why)) {
			if (node == NULL || c->kind == RESP_ERROR)
				return false;
			cluster_forget(r->cluster, node);
			node = NULL;
			c->asking = false;
			continue;
		}
		if (c->redirect == CLUSTER_NO)
			return true;
		node = cluster_node(r->cluster, c->host.data);
		if (node == NULL)
			break;
		if (c->redirect == CLUSTER_MOVED)
			cluster_learn(r->cluster, c->slot, node);
		c->asking = c->redirect == CLUSTER_ASK;
	}
	buf_set(why, "the nodes of the cluster do not agree on who has it");
	return false;
}

static bool
run(struct table *t, struct call *c, const char *key)
{
	struct redis *r = c->redis;
	struct buf    why = BUF_INIT;
	bool	      ok = r->cluster != NULL ? run_in_cluster(r, c, &why) :
	    servers_run(r->servers, exchange, c, &why);

	if (!ok) {
		log_warn("%s: %s of \"%.200s\" failed: %s", t->full_name,
		    c->words[0].p, key, why.data);
		table_fail(t, "%s", why.data);
	}
	buf_done(&why);
	return ok;
}

static enum table_result
wants(struct table *t, struct redis *r, const char *key)
{
	const char *templates[] = { r->key_format, r->hash_format, NULL };

	return query_wants(&r->query, t, key, templates);
}

static enum table_result
find_redis(struct table *t, const char *key, struct buf *ret)
{
	struct redis	 *r = t->state;
	struct call	  c;
	struct names	  n;
	int		  count = 0;
	enum table_result result;

	begin(r, &c, &n, key, "GET", "HGET");
	result = wants(t, r, n.given);
	if (result == TABLE_FOUND) {
		if (!run(t, &c, n.given) || (c.kind == RESP_TEXT &&
		    !query_add_value(&r->query, t, n.given,
		    (struct str){ c.text.data, c.text.len }, &count, ret)))
			result = TABLE_ERROR;
		else
			result = ret->len > 0 ? TABLE_FOUND : TABLE_NOT_FOUND;
	}
	end(&c, &n);
	return result;
}

static bool
is_skipped(struct table *t, struct redis *r, const char *key,
    const char *what)
{
	switch (wants(t, r, key)) {
	case TABLE_FOUND:
		return false;
	case TABLE_NOT_FOUND:
		log_warn("%s: %s skipped for key \"%.200s\"", t->full_name,
		    what, key);
		return true;
	default:
		return true;
	}
}

static bool
put(struct table *t, const char *key, const char *value)
{
	struct redis *r = t->state;
	struct call   c;
	struct names  n;
	char	      seconds[16];
	bool	      ok, replace = (t->flags & TABLE_DUP_REPLACE) != 0;

	begin(r, &c, &n, key, "SET", replace ? "HSET" : "HSETNX");
	word(&c, str_of(value));
	if (r->ttl > 0) {
		snprintf(seconds, sizeof seconds, "%d", r->ttl);
		word(&c, STR("EX"));
		word(&c, str_of(seconds));
	}
	if (!replace && r->hash_format == NULL)
		word(&c, STR("NX"));
	ok = is_skipped(t, r, n.given, "update") || run(t, &c, n.given);
	if (ok && !replace && (c.kind == RESP_NIL ||
	    (c.kind == RESP_NUMBER && c.number == 0)) &&
	    (t->flags & TABLE_DUP_IGNORE) == 0)
		log_warn("%s: duplicate entry: \"%s\"", t->full_name,
		    n.given);
	end(&c, &n);
	return ok;
}

static enum table_result
remove_key(struct table *t, const char *key)
{
	struct redis	 *r = t->state;
	struct call	  c;
	struct names	  n;
	enum table_result result = TABLE_NOT_FOUND;

	begin(r, &c, &n, key, "DEL", "HDEL");
	if (!is_skipped(t, r, n.given, "delete")) {
		if (!run(t, &c, n.given))
			result = TABLE_ERROR;
		else if (c.kind == RESP_NUMBER && c.number > 0)
			result = TABLE_FOUND;
	}
	end(&c, &n);
	return result;
}

/* --- every entry, in no order: an entry that is written meanwhile may come
 * twice or not at all */

/* What stands before and after the key in a name; false if the key can't be
 * told from a name. */
static bool
split_format(const char *format, struct str *ret_before,
    struct str *ret_after)
{
	const char *at = strstr(format, "%s");

	if (at == NULL || strchr(format, '%') != at ||
	    strchr(at + 2, '%') != NULL)
		return false;
	*ret_before = (struct str){ format, (size_t)(at - format) };
	*ret_after = str_of(at + 2);
	return true;
}

/* Literal text in a pattern. */
static void
add_pattern(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (strchr("*?[]\\^", text.p[i]) != NULL)
			buf_addc(out, '\\');
		buf_addc(out, text.p[i]);
	}
}

static bool
scan_more(struct table *t, struct redis *r, struct str before,
    struct str after)
{
	struct buf  pattern = BUF_INIT;
	struct call c = {
		.redis = r, .text = BUF_INIT, .host = BUF_INIT,
		.keys = &r->found, .pairs = r->hash_format != NULL,
	};
	bool	    ok;

	buf_clear(&r->found);
	r->at = 0;
	add_pattern(&pattern, before);
	buf_addc(&pattern, '*');
	add_pattern(&pattern, after);
	word(&c, str_of(c.pairs ? "HSCAN" : "SCAN"));
	if (c.pairs)
		word(&c, str_of(r->hash_format));
	word(&c, (struct str){ r->cursor.data, r->cursor.len });
	word(&c, STR("MATCH"));
	word(&c, (struct str){ pattern.data, pattern.len });
	r->users++;
	ok = run(t, &c, pattern.data);
	if (ok)
		buf_set(&r->cursor, c.text.data);
	buf_done(&pattern);
	buf_done(&c.text);
	buf_done(&c.host);
	r->users--;
	return ok;
}

static enum table_result
sequence(struct table *t, bool first, struct buf *ret_key,
    struct buf *ret_value)
{
	struct redis	 *r = t->state;
	struct str	  before, after;
	const char	 *name;
	enum table_result result;

	if (!split_format(r->key_format, &before, &after) ||
	    (r->hash_format != NULL && strchr(r->hash_format, '%') != NULL))
		return table_fail_find(t, "key_format and hash_format do not "
		    "tell which keys are of this table");
	if (r->cluster != NULL && r->hash_format == NULL)
		return table_fail_find(t, "the keys of a cluster can't be "
		    "listed; use hash_format, or let them expire with ttl");
	if (first) {
		buf_set(&r->cursor, "0");
		if (!scan_more(t, r, before, after))
			return TABLE_ERROR;
	}
	for (;;) {
		while (r->at >= r->found.len) {
			if (strcmp(r->cursor.data, "0") == 0)
				return TABLE_NOT_FOUND;
			if (!scan_more(t, r, before, after))
				return TABLE_ERROR;
		}
		name = r->found.data + r->at;
		r->at += strlen(name) + 1;
		if (strlen(name) < before.n + after.n)
			continue;
		buf_clear(ret_key);
		buf_add(ret_key, name + before.n,
		    strlen(name) - before.n - after.n);
		buf_clear(ret_value);
		result = find_redis(t, ret_key->data, ret_value);
		if (result != TABLE_NOT_FOUND)
			return result;
	}
}

const struct table_type table_type_redis = {
	.name = "redis",
	.open = open_redis,
	.close = close_redis,
	.find = find_redis,
	.put = put,
	.remove = remove_key,
	.sequence = sequence,
};
