/*
 * memcache: tables
 *
 *	C: get KEY			S: VALUE KEY FLAGS LEN / data / END
 *					S: END
 *	C: set KEY FLAGS TTL LEN / data	S: STORED
 *	C: delete KEY			S: DELETED, NOT_FOUND
 *
 * A cache, perhaps before another table ("backup"), which has the truth: it is
 * asked when the cache knows nothing or is down, and written first.
 */

#include <errno.h>
#include <string.h>

#include "table/ask.h"
#include "table/digest.h"
#include "table/query.h"
#include "table/servers.h"
#include "table/table_type.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

enum {
	KEY_MAX = 250,		/* bytes, of the protocol */
	IDLE = 60,		/* seconds */
};

struct memcache {
	struct query	 query;
	const char	*key_format, *key_digest;
	int		 flags, ttl, data_max, line_max, tries, pause, timeout;
	struct table	*backup;	/* or NULL */
	struct servers	*servers;
	int		 users;		/* calls that wait */
	bool		 closed;	/* the last one frees it */
};

static void
destroy(struct memcache *m)
{
	servers_free(m->servers);
	query_done(&m->query);
	mem_free(m);
}

static void *
open_connection(void *arg, const char *host, struct buf *why)
{
	struct memcache *m = arg;
	int		 fd = ask_connect(host, "11211",
			    clock_in(m->timeout));

	if (fd < 0) {
		buf_set(why, strerror(errno));
		return NULL;
	}
	return stream_open(fd);
}

static void
close_connection(void *arg, void *connection)
{
	(void)arg;
	stream_abort(connection);
}

static void
read_settings(struct memcache *m, struct table *t)
{
	struct settings	      *set = &m->query.settings;
	struct servers_options o = {
		.open = open_connection, .close = close_connection, .arg = m,
		.idle_seconds = IDLE, .quiet = true,
	};
	const char	      *backup = settings_text(set, "backup", "");

	m->key_format = query_setting(&m->query, "key_format", "%s");
	m->key_digest = settings_text(set, "key_digest", "sha256");
	if (!digest_is_known(m->key_digest))
		settings_fail(set, "key_digest = %s; write sha256",
		    m->key_digest);
	m->flags = settings_int(set, "flags", 0, 0);
	m->ttl = settings_int(set, "ttl", 3600, 0);
	m->data_max = settings_int(set, "data_size_limit", 10240, 1);
	m->line_max = settings_int(set, "line_size_limit", 1024, 1);
	m->tries = settings_int(set, "max_try", 2, 1);
	m->pause = settings_int(set, "retry_pause", 1, 0);
	m->timeout = settings_int(set, "timeout", 2, 1);
	o.retry_seconds = m->pause;
	m->servers = servers_new(settings_text(set, "memcache",
	    "inet:localhost:11211"), &o);
	if (servers_host_count(m->servers) != 1)
		settings_fail(set, "memcache: give one server");
	if (*backup == '\0' || set->failed)
		return;
	m->backup = table_open(backup, t->flags);
	if (!table_is_broken(m->backup))
		return;
	settings_fail(set, "backup: %s", table_error(m->backup));
	table_abort(m->backup);
}

static bool
open_memcache(struct table *t)
{
	struct memcache *m = NEW(struct memcache);

	if (query_init(&m->query, t)) {
		read_settings(m, t);
		if (!m->query.settings.failed) {
			t->state = m;
			return true;
		}
	}
	destroy(m);
	return false;
}

static bool
close_memcache(struct table *t, bool publish)
{
	struct memcache *m = t->state;
	bool		 ok = true;

	/* A table that is written has one user, its owner. */
	if (m->users > 0) {
		m->closed = true;
		return true;
	}
	if (m->backup != NULL && publish)
		ok = table_close(m->backup);
	else if (m->backup != NULL)
		table_abort(m->backup);
	destroy(m);
	return ok;
}

/* --- one command */

enum command { GET, SET, DELETE };

struct call {
	struct memcache	*memcache;
	enum command	 command;
	char		*given;		/* the key */
	struct buf	 key;		/* as memcached knows it */
	const char	*value;		/* SET */
	struct buf	 data;		/* GET */
	bool		 found;
	bool		 sent;		/* there was a connection */
};

static bool
add_part(void *arg, struct buf *out, struct str text, bool is_literal)
{
	(void)arg;
	(void)is_literal;
	buf_add(out, text.p, text.n);
	return true;
}

static bool
is_sound_key(const struct buf *key)
{
	if (key->len == 0 || key->len > KEY_MAX)
		return false;
	for (size_t i = 0; i < key->len; i++)
		if ((unsigned char)key->data[i] <= ' ' || key->data[i] == 127)
			return false;
	return true;
}

/* A key that the protocol can't carry goes by its digest: so it can neither
 * end the command nor be another's. */
static void
make_key(struct call *c)
{
	struct buf hex = BUF_INIT;

	query_expand(&c->key, c->memcache->key_format, c->given, add_part,
	    NULL);
	if (is_sound_key(&c->key))
		return;
	if (!digest_hex(&hex, c->memcache->key_digest, c->key.data,
	    c->key.len))
		panic("digest of a key");
	buf_set(&c->key, c->memcache->key_digest);
	buf_addc(&c->key, ':');
	buf_add(&c->key, hex.data, hex.len);
	buf_done(&hex);
}

static void
begin(struct call *c, struct table *t, enum command command, const char *key)
{
	*c = (struct call){
		.memcache = t->state, .command = command, .key = BUF_INIT,
		.data = BUF_INIT, .given = mem_strdup(key),
	};
	c->memcache->users++;
	make_key(c);
}

static void
end(struct call *c)
{
	struct memcache *m = c->memcache;

	buf_done(&c->key);
	buf_done(&c->data);
	mem_free(c->given);
	if (--m->users > 0 || !m->closed)
		return;
	if (m->backup != NULL)
		table_close(m->backup);
	destroy(m);
}

/* "VALUE key flags len", data, "END"; or "END" alone. */
static const char *
read_value(struct call *c, struct stream *s, char *line)
{
	struct memcache *m = c->memcache;
	char		*at = line, *word = NULL, tail[7];
	long		 len;

	if (strcmp(line, "END") == 0)
		return NULL;
	for (int i = 0; i < 4; i++)
		word = text_word(&at, " ", false);
	if (!text_starts(line, "VALUE") || word == NULL ||
	    !text_to_long(word, 0, m->data_max, &len))
		return "unexpected reply, or one over data_size_limit";
	if (!stream_read(s, buf_room(&c->data, (size_t)len + 1),
	    (size_t)len))
		return "end of file";
	buf_grow(&c->data, (size_t)len);
	if (!stream_read(s, tail, sizeof tail) ||
	    memcmp(tail, "\r\nEND\r\n", sizeof tail) != 0)
		return "malformed reply";
	c->found = true;
	return NULL;
}

static const char *
read_reply(struct call *c, struct stream *s)
{
	struct buf  line = BUF_INIT;
	const char *why = "unexpected reply";

	if (stream_get_line(s, &line, (size_t)c->memcache->line_max) !=
	    LINE_OK) {
		why = stream_failed(s) != NULL ? stream_failed(s) :
		    "a line over line_size_limit";
	} else if (c->command == GET) {
		why = read_value(c, s, line.data);
	} else if (strcmp(line.data, "STORED") == 0 ||
	    strcmp(line.data, "DELETED") == 0) {
		c->found = true;
		why = NULL;
	} else if (c->command == DELETE &&
	    strcmp(line.data, "NOT_FOUND") == 0) {
		why = NULL;
	}
	buf_done(&line);
	return why;
}

static enum servers_result
exchange(void *arg, void *connection, struct buf *ret_why)
{
	struct call	*c = arg;
	struct memcache *m = c->memcache;
	struct stream	*s = connection;
	const char	*why;

	c->sent = true;
	stream_set_deadline(s, m->timeout);
	buf_clear(&c->data);
	if (c->command == GET)
		stream_printf(s, "get %s\r\n", c->key.data);
	else if (c->command == DELETE)
		stream_printf(s, "delete %s\r\n", c->key.data);
	else
		stream_printf(s, "set %s %d %d %zu\r\n%s\r\n", c->key.data,
		    m->flags, m->ttl, strlen(c->value), c->value);
	why = read_reply(c, s);
	stream_set_deadline_at(s, CLOCK_NEVER);
	if (why == NULL)
		return SERVERS_DONE;
	buf_set(ret_why, why);
	return SERVERS_LOST;
}

/* The same server is tried again: there is only one. */
static bool
run(struct table *t, struct call *c)
{
	struct memcache *m = c->memcache;
	struct buf	 why = BUF_INIT;
	bool		 ok = false;

	for (int i = 0; !ok && i < m->tries; i++) {
		if (i > 0 && !c->sent)
			break;
		if (i > 0)
			task_sleep_ms(m->pause * 1000);
		c->sent = false;
		ok = servers_run(m->servers, exchange, c, &why);
	}
	if (!ok) {
		log_warn("%s: memcache for \"%.200s\" failed: %s",
		    t->full_name, c->given, why.data);
		table_fail(t, "%s", why.data);
	}
	buf_done(&why);
	return ok;
}

static enum table_result
wants(struct table *t, struct call *c)
{
	const char *templates[] = { c->memcache->key_format, NULL };

	return query_wants(&c->memcache->query, t, c->given, templates);
}

/* --- the table */

static enum table_result
find_in_backup(struct table *t, struct call *c, struct buf *ret, bool up)
{
	struct memcache	 *m = c->memcache;
	enum table_result r = table_find(m->backup, c->given, ret);

	if (r == TABLE_ERROR)
		return table_fail_find(t, "%s", table_error(m->backup));
	if (r == TABLE_FOUND && up && ret->len <= (size_t)m->data_max) {
		c->command = SET;
		c->value = ret->data;
		run(t, c);
	}
	return r;
}

static enum table_result
find_memcache(struct table *t, const char *key, struct buf *ret)
{
	struct call	  c;
	enum table_result r;
	bool		  up;

	begin(&c, t, GET, key);
	r = wants(t, &c);
	if (r == TABLE_FOUND) {
		up = run(t, &c);
		if (up && c.found) {
			buf_add(ret, c.data.data, c.data.len);
			if (memchr(ret->data, '\0', ret->len) != NULL)
				r = table_fail_find(t, "a value with NUL");
		} else if (c.memcache->backup != NULL) {
			r = find_in_backup(t, &c, ret, up);
		} else {
			r = up ? TABLE_NOT_FOUND : TABLE_ERROR;
		}
	}
	end(&c);
	return r;
}

static bool
is_skipped(struct table *t, struct call *c, const char *what)
{
	if (wants(t, c) == TABLE_FOUND)
		return false;
	log_warn("%s: %s skipped for key \"%.200s\"", t->full_name, what,
	    c->given);
	return true;
}

static bool
put(struct table *t, const char *key, const char *value)
{
	struct call c;
	bool	    ok = true;

	begin(&c, t, SET, key);
	c.value = value;
	if (!is_skipped(t, &c, "update")) {
		if (c.memcache->backup != NULL &&
		    !table_put(c.memcache->backup, c.given, value))
			ok = table_fail(t, "%s",
			    table_error(c.memcache->backup));
		/* With a backup nothing is lost if this fails. */
		if (ok && !run(t, &c))
			ok = c.memcache->backup != NULL;
	}
	end(&c);
	return ok;
}

static enum table_result
remove_key(struct table *t, const char *key)
{
	struct call	  c;
	enum table_result r = TABLE_NOT_FOUND;

	begin(&c, t, DELETE, key);
	if (!is_skipped(t, &c, "delete")) {
		if (c.memcache->backup != NULL) {
			r = table_delete(c.memcache->backup, c.given);
			if (r == TABLE_ERROR)
				table_fail(t, "%s",
				    table_error(c.memcache->backup));
		}
		/* A cache that still has it would bring it back. */
		if (r != TABLE_ERROR) {
			if (!run(t, &c))
				r = TABLE_ERROR;
			else if (c.memcache->backup == NULL && c.found)
				r = TABLE_FOUND;
		}
	}
	end(&c);
	return r;
}

static enum table_result
sequence(struct table *t, bool first, struct buf *ret_key,
    struct buf *ret_value)
{
	struct memcache	 *m = t->state;
	enum table_result r;

	if (m->backup == NULL)
		return table_fail_find(t, "sequence operation is not "
		    "supported: it needs a backup");
	r = table_sequence(m->backup, first, ret_key, ret_value);
	if (r == TABLE_ERROR)
		table_fail(t, "%s", table_error(m->backup));
	return r;
}

const struct table_type table_type_memcache = {
	.name = "memcache",
	.open = open_memcache,
	.close = close_memcache,
	.find = find_memcache,
	.put = put,
	.remove = remove_key,
	.sequence = sequence,
};
