#include "mail/reject_footer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conf/conf.h"
#include "mail/why.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

void
reject_footer_init(struct reject_footer *f, const char *text,
    struct table_list *maps, const char *filter)
{
	struct buf allowed = BUF_INIT;

	text_unescape(&allowed, filter);
	f->text = text;
	f->maps = maps;
	f->allowed = buf_take(&allowed);
}

/* --- on the reply */

/* The code and the status in front of the last line, with the space behind
 * them. */
static struct str
codes_of(const struct buf *reply)
{
	const char *line = strrchr(reply->data, '\n');
	char	    dsn[12];
	size_t	    n;

	line = line != NULL ? line + 1 : reply->data;
	if (strlen(line) < 4)
		return (struct str){ line, strlen(line) };
	n = dsn_parse(line + 4, dsn);
	return (struct str){ line, n > 0 && line[4 + n] == ' ' ? 4 + n + 1 :
	    4 };
}

/* A line of its own, after the last one has become a continued one. */
static void
add_line(struct buf *reply, const char *text, size_t len)
{
	struct str  codes = codes_of(reply);
	struct buf  front = BUF_INIT;

	buf_add(&front, codes.p, codes.n);
	if (codes.n > 3)
		reply->data[codes.p - reply->data + 3] = '-';
	buf_adds(reply, "\r\n");
	if (front.len > 3)
		front.data[3] = ' ';
	buf_add(reply, front.data, front.len);
	buf_add(reply, text, len);
	buf_done(&front);
}

static void
append(struct buf *reply, const char *text)
{
	const char *end;
	bool	    joined = text_starts(text, "\\c");

	for (text += joined ? 2 : 0; text != NULL; joined = false) {
		end = strstr(text, "\\n");
		if (joined)
			buf_add(reply, text, end != NULL ?
			    (size_t)(end - text) : strlen(text));
		else
			add_line(reply, text, end != NULL ?
			    (size_t)(end - text) : strlen(text));
		text = end != NULL ? end + 2 : NULL;
	}
}

/* --- its text */

struct request {
	const struct reject_facts *facts;
	char			   when[32], port[12];
};

/* Names of main.cf have no meaning here. */
static const char *
get(void *arg, const char *name)
{
	struct request *r = arg;
	time_t		now = time(NULL);
	struct tm	tm;

	if (text_eq(name, "client_address"))
		return r->facts->client_address;
	if (text_eq(name, "server_name"))
		return r->facts->server_name;
	if (text_eq(name, "client_port")) {
		snprintf(r->port, sizeof r->port, "%u", r->facts->client_port);
		return r->port;
	}
	if (text_eq(name, "localtime")) {
		localtime_r(&now, &tm);
		strftime(r->when, sizeof r->when, "%b %d %H:%M:%S", &tm);
		return r->when;
	}
	return r->facts->other(r->facts->arg, name);
}

static bool
template(const struct reject_footer *f, const struct buf *reply,
    struct buf *ret, const char **ret_why)
{
	buf_set(ret, f->text);
	if (f->maps == NULL)
		return true;
	switch (table_list_find(f->maps, reply->data, ret)) {
	case TABLE_FOUND:
		return true;
	case TABLE_NOT_FOUND:
		buf_set(ret, f->text);
		return true;
	default:
		*ret_why = "lookup error";
		return false;
	}
}

bool
reject_footer_add(const struct reject_footer *f, struct buf *reply,
    const struct reject_facts *facts, const char **ret_why)
{
	struct request	   r = { .facts = facts };
	struct conf_values with = { .get = get, .arg = &r,
	    .filter = f->allowed };
	struct buf	   text = BUF_INIT, expanded = BUF_INIT;
	bool		   ok;

	ok = template(f, reply, &text, ret_why) && (text.len == 0 ||
	    conf_expand_values(&expanded, text.data, &with, ret_why));
	if (ok && text.len > 0)
		append(reply, expanded.data);
	buf_done(&text);
	buf_done(&expanded);
	return ok;
}
