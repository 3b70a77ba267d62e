/*
 * tcp: tables
 *
 *	C: get SPACE key NEWLINE	S: code SPACE text NEWLINE
 *
 * with 200 found, 500 not found, 400 trouble.  Keys and texts have white
 * space, '%' and control bytes as %XX.  A server that is not there, or goes
 * without an answer, is asked again for ten seconds: it may be starting anew.
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
#include "util/task.h"
#include "util/text.h"

enum {
	REPLY_MAX = 4096,	/* bytes of an answer with its newline */
	TRIES = 10,
	PAUSE_MS = 1000,
};

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
	struct buf	   why = BUF_INIT;
	bool		   ok = ask_check_inet(t->name, &why);

	if (ok)
		ask_init(s, where);
	else
		table_fail(t, "%s", why.data);
	t->state = s;
	if (!ok)
		mem_free(s);
	mem_free(where);
	buf_done(&why);
	return ok;
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
	enum line	 got;

	stream_write(s, x->query.data, x->query.len);
	if (!stream_flush(s))
		return false;
	got = stream_get_line(s, &x->reply, REPLY_MAX - 1);
	if (got == LINE_TOO_LONG)
		stream_fail(s, "text longer than 4096");
	return got == LINE_OK;
}

static void
warn_no_answer(const struct table *t, const char *why)
{
	if (text_eq(why, "end of file"))
		log_warn("read TCP map reply from %s: unexpected EOF (%s)",
		    t->name, strerror(EINPROGRESS));
	else
		log_warn("read TCP map reply from %s: %s", t->name, why);
}

static bool
ask_until(struct table *t, struct exchange *x)
{
	const char *why;
	enum asked  got;

	for (int tries = 1;; tries++) {
		got = ask(t->state, exchange, x, &why);
		if (got == ASK_OK)
			return true;
		if (got == ASK_UNREACHED)
			log_warn("connect to TCP map %s: %s", t->name, why);
		else
			warn_no_answer(t, why);
		if (tries == TRIES)
			break;
		task_sleep_ms(PAUSE_MS);
	}
	return table_fail(t, "%s", got == ASK_UNREACHED ? why :
	    strerror(EINPROGRESS));
}

/* Every error of the server is called EINPROGRESS, as Postfix has it: what
 * was the matter is in the warning. */
static enum table_result
read_reply(struct table *t, const struct buf *reply, struct buf *ret)
{
	const char *text = reply->data, *wrong = "malformed reply";

	if (strspn(text, "0123456789") == 3 &&
	    isspace((unsigned char)text[3])) {
		if (text_starts(text, "500"))
			return TABLE_NOT_FOUND;
		if (text_starts(text, "400"))
			return table_fail_find(t, "%s", strerror(EINPROGRESS));
		if (!text_starts(text, "200"))
			wrong = "bad status code";
		else if (text_unpercent(ret, text + 4))
			return TABLE_FOUND;
	}
	log_warn("read TCP map reply from %s: %s: %.100s", t->name, wrong,
	    reply->data);
	return table_fail_find(t, "%s", strerror(EINPROGRESS));
}

static enum table_result
find_tcp(struct table *t, const char *key, struct buf *ret)
{
	struct exchange	  x = { .query = BUF_INIT, .reply = BUF_INIT };
	enum table_result r = TABLE_ERROR;

	buf_adds(&x.query, "get ");
	encode(&x.query, key);
	buf_addc(&x.query, '\n');
	if (ask_until(t, &x))
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
