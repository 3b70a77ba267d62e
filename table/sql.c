/*
 * mysql: pgsql: sqlite: tables
 *
 * The client libraries are plug-ins (table/plugin/).  A server is asked first
 * when a key is looked up: one that is down defers mail and breaks nothing
 * else.
 */

#include <limits.h>
#include <string.h>

#include "table/answer.h"
#include "table/plugin.h"
#include "table/servers.h"
#include "table/query.h"
#include "table/sql_quote.h"
#include "table/table_type.h"
#include "util/log.h"
#include "util/mem.h"

enum {
	QUERY_WAIT = 60,	/* seconds for a server's answer */
	IDLE = 60, RETRY = 60,	/* seconds */
};

struct flavour {
	enum sql_dialect	 dialect;
	const char		*names[20];	/* what the plug-in is told */
};

static const struct flavour mysql = {
	SQL_MYSQL,
	{ "user", "password", "dbname", "charset", "option_file",
	  "option_group", "require_result_set", "tls_cert_file",
	  "tls_key_file", "tls_CAfile", "tls_CApath", "tls_ciphers",
	  "tls_verify_cert" },
};

static const struct flavour pgsql = {
	SQL_PGSQL, { "user", "password", "dbname", "encoding" },
};

static const struct flavour sqlite = { SQL_SQLITE, { NULL } };

struct sql {
	struct query			 query;
	const struct flavour		*flavour;
	const struct client_plugin	*client;
	struct client_setting		 told[20];
	struct servers			*servers;
	char				*made;	/* of the older settings */
	const char			*statement;
	int				 users;	/* lookups that wait */
	bool				 closed; /* the last one frees it */
};

static void
destroy(struct sql *s)
{
	servers_free(s->servers);
	query_done(&s->query);
	mem_free(s->made);
	mem_free(s);
}

static void *
open_connection(void *arg, const char *host, struct buf *why)
{
	struct sql *s = arg;

	return answer_open(s->client, s->told, host, why);
}

static void
close_connection(void *arg, void *connection)
{
	struct sql *s = arg;

	answer_close(s->client, connection);
}

static char *
from_parts(struct settings *set)
{
	const char *table = settings_need(set, "table");
	const char *select = settings_need(set, "select_field");
	const char *where = settings_need(set, "where_field");

	return mem_printf("SELECT %s FROM %s WHERE %s = '%%s' %s", select,
	    table, where, settings_text(set, "additional_conditions", ""));
}

/* "query", or what older settings make of it. */
static void
read_statement(struct sql *s)
{
	struct settings *set = &s->query.settings;
	const char	*text = settings_text(set, "query", "");

	if (*text != '\0') {
		s->statement = query_setting(&s->query, "query", NULL);
		return;
	}
	if (s->flavour == &pgsql && settings_has(set, "select_function"))
		s->made = mem_printf("SELECT %s('%%s')",
		    settings_need(set, "select_function"));
	else
		s->made = from_parts(set);
	if (query_template_check(s->made) != NULL)
		settings_fail(set, "Invalid query template: %s", s->made);
	s->statement = s->made;
}

static void
read_settings(struct sql *s)
{
	struct settings	   *set = &s->query.settings;
	struct servers_options o = {
		.open = open_connection, .close = close_connection, .arg = s,
		.idle_seconds = IDLE, .retry_seconds = RETRY,
	};
	const char	   *hosts, *value;
	size_t		    n = 0;

	if (s->flavour == &sqlite)
		settings_need(set, "dbpath");
	read_statement(s);
	for (size_t i = 0; s->flavour->names[i] != NULL; i++) {
		value = settings_text(set, s->flavour->names[i], NULL);
		if (value != NULL)
			s->told[n++] = (struct client_setting){
				s->flavour->names[i], value,
			};
	}
	if (s->flavour == &sqlite) {
		/* One that is kept: a jailed process could not open it
		 * again. */
		hosts = settings_need(set, "dbpath");
		o.idle_seconds = INT_MAX;
		o.retry_seconds = 1;
		o.most = 1;
		o.quiet = true;
	} else {
		hosts = settings_text(set, "hosts", "localhost");
		o.idle_seconds = settings_seconds(set, "idle_interval", IDLE);
		o.retry_seconds = settings_seconds(set, "retry_interval",
		    RETRY);
	}
	s->servers = servers_new(hosts, &o);
	if (servers_host_count(s->servers) == 0)
		settings_fail(set, "no hosts are given");
}

static enum servers_result
touch(void *arg, void *connection, struct buf *why)
{
	(void)arg;
	(void)connection;
	(void)why;
	return SERVERS_DONE;
}

static bool
open_sql(struct table *t, const struct flavour *flavour)
{
	struct sql *s = NEW(struct sql);
	struct buf  why = BUF_INIT;
	bool	    ok;

	s->flavour = flavour;
	ok = query_init(&s->query, t);
	if (ok) {
		read_settings(s);
		ok = !s->query.settings.failed;
	}
	if (ok) {
		s->client = plugin_load(t, t->type->name, "client_plugin");
		ok = s->client != NULL;
	}
	if (ok && s->client->abi != CLIENT_ABI)
		ok = table_fail(t, "%s: postfix-%s.so is of another release",
		    t->full_name, t->type->name);
	if (ok && flavour == &sqlite && !servers_run(s->servers, touch, s, &why))
		ok = table_fail(t, "%s: Can't open database: %s",
		    t->full_name, why.data);
	buf_done(&why);
	if (ok)
		t->state = s;
	else
		destroy(s);
	return ok;
}

static bool
open_mysql(struct table *t)
{
	return open_sql(t, &mysql);
}

static bool
open_pgsql(struct table *t)
{
	return open_sql(t, &pgsql);
}

static bool
open_sqlite(struct table *t)
{
	return open_sql(t, &sqlite);
}

static bool
close_sql(struct table *t, bool publish)
{
	struct sql *s = t->state;

	(void)publish;
	if (s->users > 0)
		s->closed = true;
	else
		destroy(s);
	return true;
}

struct lookup {
	struct sql	*sql;
	const char	*key;
	struct answer	 answer;
	void		*connection;
};

static bool
quote(void *arg, struct buf *out, struct str text)
{
	struct lookup *l = arg;
	size_t	       n;

	if (l->sql->client->quote == NULL) {
		for (size_t i = 0; i < text.n; i++) {
			if (text.p[i] == '\'')
				buf_addc(out, '\'');
			buf_addc(out, text.p[i]);
		}
		return true;
	}
	n = l->sql->client->quote(l->connection,
	    buf_room(out, 2 * text.n + 1), text.p, text.n);
	if (n == (size_t)-1)
		return false;
	buf_grow(out, n);
	return true;
}

static enum servers_result
ask(void *arg, void *connection, struct buf *why)
{
	struct lookup	*l = arg;
	struct sql	*s = l->sql;
	struct buf	 statement = BUF_INIT;
	struct sql_quote q = {
		.dialect = s->flavour->dialect, .quote = quote, .arg = l,
	};
	struct client_question question = {
		.wait_seconds = s->flavour == &sqlite ? 0 : QUERY_WAIT,
	};
	enum servers_result r = SERVERS_FAILED;

	l->connection = connection;
	if (!query_expand(&statement, s->statement, l->key, sql_quote_add,
	    &q)) {
		buf_set(why, "this key can't be put into the query: there must "
		    "be single quotes around its place");
	} else {
		question.text = statement.data;
		r = answer_ask(s->client, connection, &question, &l->answer,
		    why);
	}
	buf_done(&statement);
	return r;
}

static enum table_result
make_result(struct table *t, struct lookup *l, struct buf *ret)
{
	int count = 0;

	for (size_t i = 0; i < l->answer.count; i++)
		if (!query_add_value(&l->sql->query, t, l->key,
		    answer_value(&l->answer, i), &count, ret))
			return TABLE_ERROR;
	return ret->len > 0 ? TABLE_FOUND : TABLE_NOT_FOUND;
}

/* Others run while this waits: the key is copied, since the caller's may be
 * the table's own buffer, and the table may be opened anew. */
static enum table_result
find_sql(struct table *t, const char *key, struct buf *ret)
{
	struct sql	 *s = t->state;
	const char	 *templates[] = { s->statement, NULL };
	struct lookup	  l = { .sql = s };
	struct buf	  why = BUF_INIT;
	char		 *copy = mem_strdup(key);
	enum table_result r;

	s->users++;
	l.key = copy;
	answer_init(&l.answer);
	r = query_wants(&s->query, t, copy, templates);
	if (r == TABLE_FOUND) {
		if (servers_run(s->servers, ask, &l, &why)) {
			r = make_result(t, &l, ret);
		} else {
			log_warn("%s: lookup of \"%.200s\" failed: %s",
			    t->full_name, copy, why.data);
			r = table_fail_find(t, "%s", why.data);
		}
	}
	answer_done(&l.answer);
	buf_done(&why);
	mem_free(copy);
	if (--s->users == 0 && s->closed)
		destroy(s);
	return r;
}

const struct table_type table_type_mysql = {
	.name = "mysql", .open = open_mysql, .close = close_sql,
	.find = find_sql,
};

const struct table_type table_type_pgsql = {
	.name = "pgsql", .open = open_pgsql, .close = close_sql,
	.find = find_sql,
};

const struct table_type table_type_sqlite = {
	.name = "sqlite", .open = open_sqlite, .close = close_sql,
	.find = find_sql,
};
