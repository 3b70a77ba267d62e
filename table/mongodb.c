/*
 * mongodb: tables
 *
 * A filter finds documents; some of their fields are the result.  Which hosts
 * there are, and which of them to ask, is a matter of the driver and its URI.
 */

#include <string.h>

#include "table/answer.h"
#include "table/plugin.h"
#include "table/query.h"
#include "table/servers.h"
#include "table/table_type.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	IDLE = 60, RETRY = 30,	/* seconds */
	COLUMNS_MAX = 64,
};

static const char *const told_names[] = { "uri", "dbname", "collection" };

enum { TOLD = sizeof told_names / sizeof *told_names };

struct mongodb {
	struct query			 query;
	const struct client_plugin	*client;
	struct client_setting		 told[TOLD + 1];
	const char			*filter, *projection;
	char				*copy;	/* of a list, in pieces */
	const char			*columns[COLUMNS_MAX + 1];
	struct servers			*servers;
	int				 users;	/* lookups that wait */
	bool				 closed; /* the last one frees it */
};

static void
destroy(struct mongodb *m)
{
	servers_free(m->servers);
	query_done(&m->query);
	mem_free(m->copy);
	mem_free(m);
}

static void *
open_connection(void *arg, const char *host, struct buf *why)
{
	struct mongodb *m = arg;

	return answer_open(m->client, m->told, host, why);
}

static void
close_connection(void *arg, void *connection)
{
	struct mongodb *m = arg;

	answer_close(m->client, connection);
}

static void
read_columns(struct mongodb *m, struct settings *set)
{
	size_t n = 0;
	char  *at, *word;

	at = m->copy = mem_strdup(settings_text(set, "result_attribute", ""));
	while ((word = text_word(&at, TEXT_LIST_SEP, false)) != NULL) {
		if (n == COLUMNS_MAX) {
			settings_fail(set, "too many attributes");
			return;
		}
		m->columns[n++] = word;
	}
	if (n == 0 && m->projection == NULL)
		settings_fail(set, "neither result_attribute nor projection "
		    "is given");
}

static void
read_settings(struct mongodb *m)
{
	struct settings	      *set = &m->query.settings;
	struct servers_options o = {
		.open = open_connection, .close = close_connection, .arg = m,
		.quiet = true, .idle_seconds = IDLE, .retry_seconds = RETRY,
	};

	for (size_t i = 0; i < TOLD; i++)
		m->told[i] = (struct client_setting){
			told_names[i], settings_need(set, told_names[i]),
		};
	settings_need(set, "query_filter");
	m->filter = query_setting(&m->query, "query_filter", "{}");
	m->projection = settings_text(set, "projection", NULL);
	read_columns(m, set);
	m->servers = servers_new("mongodb", &o);
}

static bool
open_mongodb(struct table *t)
{
	struct mongodb *m = NEW(struct mongodb);
	bool		ok = query_init(&m->query, t);

	if (ok) {
		read_settings(m);
		ok = !m->query.settings.failed;
	}
	if (ok) {
		m->client = plugin_load(t, "mongodb", "client_plugin");
		ok = m->client != NULL;
	}
	if (ok && m->client->abi != CLIENT_ABI)
		ok = table_fail(t, "%s: postfix-mongodb.so is of another "
		    "release", t->full_name);
	if (ok)
		t->state = m;
	else
		destroy(m);
	return ok;
}

static bool
close_mongodb(struct table *t, bool publish)
{
	struct mongodb *m = t->state;

	(void)publish;
	if (m->users > 0)
		m->closed = true;
	else
		destroy(m);
	return true;
}

/* --- a filter of a key */

/* Where in the JSON of the template we are. */
struct place {
	bool	in_string, after_backslash;
};

static void
follow(struct place *p, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (p->after_backslash)
			p->after_backslash = false;
		else if (p->in_string && text.p[i] == '\\')
			p->after_backslash = true;
		else if (text.p[i] == '"')
			p->in_string = !p->in_string;
	}
}

/* Outside of a string only a number can be said. */
static bool
add_part(void *arg, struct buf *out, struct str text, bool is_literal)
{
	struct place *p = arg;
	struct buf    json = BUF_INIT;
	bool	      ok = true;

	if (is_literal) {
		follow(p, text);
		buf_add(out, text.p, text.n);
	} else if (p->in_string && !p->after_backslash) {
		text_json(&json, text.p, text.n);
		buf_add(out, json.data + 1, json.len - 2);
	} else {
		for (size_t i = 0; i < text.n; i++)
			ok = ok && text.p[i] >= '0' && text.p[i] <= '9';
		ok = ok && text.n > 0 && text.n < 16;
		buf_add(out, text.p, text.n);
	}
	buf_done(&json);
	return ok;
}

struct lookup {
	struct mongodb	*mongodb;
	const char	*filter;
	struct answer	 answer;
};

static enum servers_result
ask(void *arg, void *connection, struct buf *why)
{
	struct lookup		  *l = arg;
	struct mongodb		  *m = l->mongodb;
	struct client_question	   question = {
		.text = l->filter, .base = m->projection,
		.columns = m->columns[0] != NULL ? m->columns : NULL,
		.row_limit = m->query.expansion_limit > 0 ?
		    m->query.expansion_limit + 1 : 0,
	};

	return answer_ask(m->client, connection, &question, &l->answer, why);
}

static enum table_result
look_up(struct table *t, struct lookup *l, const char *key, struct buf *ret)
{
	struct mongodb *m = l->mongodb;
	struct buf	why = BUF_INIT;
	int		count = 0;
	bool		ok = servers_run(m->servers, ask, l, &why);

	if (!ok) {
		log_warn("%s: lookup of \"%.200s\" failed: %s", t->full_name,
		    key, why.data);
		table_fail(t, "%s", why.data);
	}
	for (size_t i = 0; ok && i < l->answer.count; i++)
		ok = query_add_value(&m->query, t, key,
		    answer_value(&l->answer, i), &count, ret);
	buf_done(&why);
	return !ok ? TABLE_ERROR : ret->len > 0 ? TABLE_FOUND :
	    TABLE_NOT_FOUND;
}

static enum table_result
find_mongodb(struct table *t, const char *key, struct buf *ret)
{
	struct mongodb	 *m = t->state;
	const char	 *templates[] = { m->filter, NULL };
	struct lookup	  l = { .mongodb = m };
	struct place	  place = { false, false };
	struct buf	  filter = BUF_INIT;
	char		 *copy = mem_strdup(key);
	enum table_result r;

	m->users++;
	answer_init(&l.answer);
	r = query_wants(&m->query, t, copy, templates);
	if (r == TABLE_FOUND && !query_expand(&filter, m->filter, copy,
	    add_part, &place))
		r = table_fail_find(t, "this key can't be put into "
		    "query_filter: there must be double quotes around its "
		    "place");
	l.filter = filter.data;
	if (r == TABLE_FOUND)
		r = look_up(t, &l, copy, ret);
	answer_done(&l.answer);
	buf_done(&filter);
	mem_free(copy);
	if (--m->users == 0 && m->closed)
		destroy(m);
	return r;
}

const struct table_type table_type_mongodb = {
	.name = "mongodb",
	.open = open_mongodb,
	.close = close_mongodb,
	.find = find_mongodb,
};
