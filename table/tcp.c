/*
 * tcp: tables
 *
 *	C: get SPACE key NEWLINE	S: code SPACE text NEWLINE
 *
 * with 200 found, 500 not found, 400 trouble.  Keys and texts have white
 * space, '%' and control bytes as %XX.
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

enum { REPLY_MAX = 4096 };	/* bytes of an answer */

struct exchange {
	struct buf	query;
	struct buf	reply;
};

static void
encode(struct buf *out, const char *key)
{
	for (; *key != '\0'; key++)
		if ((unsigned char)*key <= ' ' || *key == '%' ||
		    (unsigned char)*key >= 127)
			buf_addf(out, "%%%02X", (unsigned char)*key);
		else
			buf_addc(out, *key);
}

static bool
open_tcp(struct table *t)
{
	struct ask_server *s = NEW(struct ask_server);
	char		  *where = mem_printf("inet:%s", t->name);

	ask_init(s, where);
	mem_free(where);
	t->state = s;
	return true;
}

static bool
close_tcp(struct table *t, bool publish)
{
	(void)publish;
	ask_done(t->state);
	mem_free(t->state);
	return true;
}

static bool
exchange(struct stream *s, void *arg)
{
	struct exchange *x = arg;

	stream_write(s, x->query.data, x->query.len);
	return stream_flush(s) &&
	    stream_get_line(s, &x->reply, REPLY_MAX) == LINE_OK;
}

static enum table_result
read_reply(struct table *t, const struct buf *reply, struct buf *ret)
{
	const char *text = reply->data;
	int	    code = 0;

	while (isdigit((unsigned char)*text) && code < 1000)
		code = code * 10 + (*text++ - '0');
	text += strspn(text, " \t");
	if (code == 500)
		return TABLE_NOT_FOUND;
	if (code == 200 && text_unpercent(ret, text))
		return TABLE_FOUND;
	/* This is what Postfix says of a server's 400, and tests expect. */
	if (code == 400)
		return table_fail_find(t, "%s", strerror(EINPROGRESS));
	log_warn("read TCP map reply from %s: bad status code: %.100s",
	    t->name, reply->data);
	return table_fail_find(t, "malformed reply");
}

static enum table_result
find_tcp(struct table *t, const char *key, struct buf *ret)
{
	struct exchange	  x = { .query = BUF_INIT, .reply = BUF_INIT };
	enum table_result r = TABLE_ERROR;

	buf_adds(&x.query, "get ");
	encode(&x.query, key);
	buf_addc(&x.query, '\n');
	if (x.query.len > REPLY_MAX)
		r = TABLE_NOT_FOUND;
	else if (ask(t, t->state, exchange, &x))
		r = read_reply(t, &x.reply, ret);
	buf_done(&x.query);
	buf_done(&x.reply);
	return r;
}

const struct table_type table_type_tcp = {
	.name = "tcp",
	.traits = TYPE_PATTERN,
	.open = open_tcp,
	.close = close_tcp,
	.find = find_tcp,
};
