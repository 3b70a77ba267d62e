/*
 * socketmap: tables, the protocol of Sendmail's socket maps
 *
 *	C: netstring(name SPACE key)	S: netstring(status SPACE text)
 *
 * with the status OK, NOTFOUND, TEMP, TIMEOUT, PERM.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "table/ask.h"
#include "table/table_type.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"

enum {
	QUERY_MAX = 10000,	/* bytes */
	REPLY_MAX = 100000,	/* bytes, socketmap_max_reply_size */
};

struct socketmap {
	struct ask_server	 server;
	char			*map;
};

struct exchange {
	struct buf	query;
	struct buf	reply;
};

/* inet:host:port:map, unix:path:map */
static bool
open_socketmap(struct table *t)
{
	struct socketmap *m;
	const char	 *colon = strrchr(t->name, ':');
	char		 *where;
	bool		  ok;

	if (colon == NULL || colon[1] == '\0')
		return table_fail(t, "socketmap requires server:socketmap "
		    "argument");
	m = NEW(struct socketmap);
	where = mem_strndup(t->name, (size_t)(colon - t->name));
	ok = ask_init(&m->server, where);
	mem_free(where);
	if (!ok) {
		mem_free(m);
		return table_fail(t, "socketmap: \"%s\": write "
		    "inet:host:port:name or unix:path:name", t->name);
	}
	m->map = mem_strdup(colon + 1);
	t->state = m;
	return true;
}

static bool
close_socketmap(struct table *t, bool publish)
{
	struct socketmap *m = t->state;

	(void)publish;
	ask_done(&m->server);
	mem_free(m->map);
	mem_free(m);
	return true;
}

static bool
read_netstring(struct stream *s, struct buf *ret)
{
	char   c;
	size_t len = 0;

	for (int digits = 0; stream_read(s, &c, 1); digits++) {
		if (c == ':' && digits > 0)
			break;
		if (!isdigit((unsigned char)c) || digits > 8)
			return false;
		len = len * 10 + (size_t)(c - '0');
	}
	if (stream_failed(s) != NULL || len > REPLY_MAX)
		return false;
	buf_clear(ret);
	if (!stream_read(s, buf_room(ret, len + 1), len))
		return false;
	buf_grow(ret, len);
	return stream_read(s, &c, 1) && c == ',';
}

static bool
exchange(struct stream *s, void *arg)
{
	struct exchange *x = arg;

	stream_printf(s, "%zu:", x->query.len);
	stream_write(s, x->query.data, x->query.len);
	stream_puts(s, ",");
	return stream_flush(s) && read_netstring(s, &x->reply);
}

static enum table_result
read_reply(struct table *t, const struct buf *reply, struct buf *ret)
{
	char	   *status = mem_strdup(reply->data), *text;
	enum table_result r = TABLE_ERROR;

	text = strchr(status, ' ');
	if (text != NULL)
		*text++ = '\0';
	else
		text = status + strlen(status);
	table_fail(t, "%s", "");
	if (strcmp(status, "OK") == 0) {
		buf_adds(ret, text);
		r = TABLE_FOUND;
	} else if (strcmp(status, "NOTFOUND") == 0) {
		r = TABLE_NOT_FOUND;
	} else if (strcmp(status, "PERM") == 0) {
		log_warn("%s socketmap server permanent error: %s",
		    t->full_name, text);
	} else if (strcmp(status, "TEMP") == 0 ||
	    strcmp(status, "TIMEOUT") == 0) {
		log_warn("%s socketmap server %s: %s", t->full_name,
		    status[1] == 'E' ? "temporary error" : "timeout error", text);
		/* This is what Postfix says then, and tests expect. */
		table_fail(t, "%s", strerror(EINPROGRESS));
	} else {
		log_warn("%s unknown socketmap server status: %.100s",
		    t->full_name, status);
	}
	mem_free(status);
	return r;
}

static enum table_result
find_socketmap(struct table *t, const char *key, struct buf *ret)
{
	struct socketmap *m = t->state;
	struct exchange	  x = { .query = BUF_INIT, .reply = BUF_INIT };
	enum table_result r = TABLE_ERROR;

	buf_addf(&x.query, "%s %s", m->map, key);
	if (x.query.len > QUERY_MAX)
		r = TABLE_NOT_FOUND;
	else if (ask(t, &m->server, exchange, &x))
		r = read_reply(t, &x.reply, ret);
	buf_done(&x.query);
	buf_done(&x.reply);
	return r;
}

const struct table_type table_type_socketmap = {
	.name = "socketmap",
	.traits = TYPE_PATTERN,
	.open = open_socketmap,
	.close = close_socketmap,
	.find = find_socketmap,
};
