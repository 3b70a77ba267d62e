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
#include "util/text.h"

static size_t reply_max = 100000;	/* bytes */

struct socketmap {
	struct ask_server	 server;
	char			*map;
};

struct exchange {
	struct buf	query;
	struct buf	reply;
};

void
table_set_reply_limit(size_t bytes)
{
	reply_max = bytes;
}

/* "inet:host:port" or "unix:path". */
static bool
set_server(struct table *t, struct socketmap *m, const char *where)
{
	const char *colon = strchr(where, ':');
	struct buf  why = BUF_INIT;

	if (colon == NULL || colon[1] == '\0')
		buf_addf(&why, "need service transport:endpoint instead of "
		    "\"%s\"", where);
	else if (!text_starts(where, "inet:") && !text_starts(where, "unix:"))
		buf_addf(&why, "invalid transport name: %.*s in service: %s",
		    (int)(colon - where), where, where);
	else if (*where == 'u' || ask_check_inet(colon + 1, &why))
		ask_init(&m->server, where);
	if (why.len > 0)
		table_fail(t, "%s", why.data);
	buf_done(&why);
	return m->server.where != NULL;
}

/* inet:host:port:map, unix:path:map */
static bool
open_socketmap(struct table *t)
{
	struct socketmap *m;
	const char	 *colon = strrchr(t->name, ':');
	char		 *where;
	bool		  ok;

	if (colon == NULL)
		return table_fail(t, "socketmap requires server:socketmap "
		    "argument");
	m = NEW(struct socketmap);
	where = mem_strndup(t->name, (size_t)(colon - t->name));
	ok = set_server(t, m, where);
	mem_free(where);
	if (!ok) {
		mem_free(m);
		return false;
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
fail(struct stream *s, const char *why)
{
	stream_fail(s, why);
	return false;
}

static bool
read_netstring(struct stream *s, struct buf *ret)
{
	static const char bad[] = "input format error";
	char		  c;
	size_t		  len = 0;

	for (int digits = 0;; digits++) {
		if (!stream_read(s, &c, 1))
			return false;
		if (c == ':' && digits > 0)
			break;
		if (!isdigit((unsigned char)c))
			return fail(s, bad);
		len = len * 10 + (size_t)(c - '0');
		if (len > reply_max)
			return fail(s, "input exceeds size limit");
	}
	buf_clear(ret);
	if (!stream_read(s, buf_room(ret, len + 1), len))
		return false;
	buf_grow(ret, len);
	if (!stream_read(s, &c, 1))
		return false;
	return c == ',' || fail(s, bad);
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
server_error(struct table *t, const char *what, const char *text)
{
	log_warn(*text != '\0' ? "%s socketmap server %s error: %s" :
	    "%s socketmap server %s error", t->full_name, what, text);
	return TABLE_ERROR;
}

/* All but a lasting error is called EINPROGRESS, as Postfix has it: what was
 * the matter is in the warning. */
static enum table_result
read_reply(struct table *t, const struct buf *reply, struct buf *ret)
{
	char	   *status = mem_strdup(reply->data), *text;
	enum table_result r;

	text = status + strcspn(status, " ");
	if (*text != '\0')
		*text++ = '\0';
	table_fail(t, "%s", text_eq(status, "PERM") ? "" :
	    strerror(EINPROGRESS));
	if (text_eq(status, "OK")) {
		buf_adds(ret, text);
		r = TABLE_FOUND;
	} else if (text_eq(status, "NOTFOUND")) {
		r = TABLE_NOT_FOUND;
	} else {
		r = server_error(t, text_eq(status, "PERM") ? "permanent" :
		    text_eq(status, "TEMP") ? "temporary" :
		    text_eq(status, "TIMEOUT") ? "timeout" : "unknown", text);
	}
	mem_free(status);
	return r;
}

static enum table_result
no_answer(struct table *t, enum asked got, const char *why)
{
	struct socketmap *m = t->state;

	if (got == ASK_UNREACHED)
		log_warn("connect to %s: %s", ask_name(&m->server), why);
	else if (text_eq(why, "end of file"))
		why = "unexpected disconnect";
	else if (text_eq(why, "timed out"))
		why = "time limit exceeded";
	log_warn("table %s lookup error: %s", t->full_name, why);
	return table_fail_find(t, "%s", got == ASK_UNREACHED ? why :
	    strerror(EINPROGRESS));
}

static enum table_result
find_socketmap(struct table *t, const char *key, struct buf *ret)
{
	struct socketmap *m = t->state;
	struct exchange	  x = { .query = BUF_INIT, .reply = BUF_INIT };
	enum table_result r;
	enum asked	  got;
	const char	 *why;

	buf_addf(&x.query, "%s %s", m->map, key);
	got = ask(&m->server, exchange, &x, &why);
	r = got == ASK_OK ? read_reply(t, &x.reply, ret) :
	    no_answer(t, got, why);
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
