/*
 * ldap: tables
 *
 * A search gives entries with attributes of four kinds.  A terminal one hides
 * all others of its entry.  A special one holds the name of another entry or
 * the URL of a search, which is followed; then leaf attributes do not count.
 *
 * Following is a loop with a list of what is left to do, not a recursion: a
 * task's stack is small, and the directory is someone else's.
 */

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "table/answer.h"
#include "table/plugin.h"
#include "table/query.h"
#include "table/servers.h"
#include "table/table_type.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	IDLE = 60, RETRY = 60,	/* seconds */
	SEARCHES_MAX = 10000,	/* of one lookup */
	COLUMNS_MAX = 64,
};

enum kind { NORMAL, LEAF, TERMINAL, SPECIAL };

static const char *const kind_names[] = {
	[NORMAL] = "result_attribute",
	[LEAF] = "leaf_result_attribute",
	[TERMINAL] = "terminal_result_attribute",
	[SPECIAL] = "special_result_attribute",
};

static const char *const told_names[] = {
	"server_port", "timeout", "bind", "bind_dn", "bind_pw", "version",
	"dereference", "chase_referrals", "sasl_mechs", "sasl_realm",
	"sasl_authz_id", "sasl_minssf", "start_tls", "tls_ca_cert_dir",
	"tls_ca_cert_file", "tls_cert", "tls_key", "tls_require_cert",
	"tls_cipher_suite",
};

enum { TOLD = sizeof told_names / sizeof *told_names };

struct ldap {
	struct query			 query;
	const struct client_plugin	*client;
	struct client_setting		 told[TOLD + 1];
	const char			*base, *filter;
	int				 scope, timeout;
	int				 recursion_limit, size_limit;
	char				*copies[4]; /* of lists, in pieces */
	const char			*columns[COLUMNS_MAX + 1];
	enum kind			 kinds[COLUMNS_MAX];
	struct servers			*servers;
	int				 users;	/* lookups that wait */
	bool				 closed; /* the last one frees it */
};

static void
destroy(struct ldap *l)
{
	servers_free(l->servers);
	query_done(&l->query);
	for (int i = 0; i < 4; i++)
		mem_free(l->copies[i]);
	mem_free(l);
}

static void *
open_connection(void *arg, const char *host, struct buf *why)
{
	struct ldap *l = arg;

	return answer_open(l->client, l->told, host, why);
}

static void
close_connection(void *arg, void *connection)
{
	struct ldap *l = arg;

	answer_close(l->client, connection);
}

static void
read_columns(struct ldap *l, struct settings *set)
{
	size_t n = 0;
	char  *at, *word;

	for (enum kind kind = NORMAL; kind <= SPECIAL; kind++) {
		at = l->copies[kind] = mem_strdup(settings_text(set,
		    kind_names[kind], kind == NORMAL ? "maildrop" : ""));
		while ((word = text_word(&at, TEXT_LIST_SEP, false)) != NULL) {
			if (*word == '\0')
				continue;
			if (n == COLUMNS_MAX) {
				settings_fail(set, "too many attributes");
				return;
			}
			l->kinds[n] = kind;
			l->columns[n++] = word;
		}
	}
	if (n == 0)
		settings_fail(set, "no result attribute is given");
}

static int
read_scope(struct settings *set)
{
	const char *text = settings_text(set, "scope", "sub");

	if (strcasecmp(text, "base") == 0)
		return 0;
	if (strcasecmp(text, "one") == 0)
		return 1;
	if (strcasecmp(text, "sub") != 0)
		settings_fail(set, "scope = %s; write base, one or sub",
		    text);
	return 2;
}

static void
check_settings(struct settings *set)
{
	static const char *const how[] = {
		"yes", "simple", "no", "none", "sasl",
	};
	const char *bind = settings_text(set, "bind", "yes");
	size_t	    i = 0;

	while (i < sizeof how / sizeof *how && strcasecmp(bind, how[i]) != 0)
		i++;
	if (i == sizeof how / sizeof *how)
		settings_fail(set, "bind = %s; write yes, no or sasl", bind);
	settings_bool(set, "start_tls", false);
	settings_bool(set, "tls_require_cert", false);
	settings_int(set, "version", 3, 2);
	settings_int(set, "server_port", 389, 1);
	for (const char *const *old = (const char *const []){ "cache",
	    "cache_expiry", "cache_size", NULL }; *old != NULL; old++)
		if (settings_has(set, *old))
			log_warn("%s: %s is ignored", set->table->full_name,
			    *old);
}

static void
read_settings(struct ldap *l)
{
	struct settings	      *set = &l->query.settings;
	struct servers_options o = {
		.open = open_connection, .close = close_connection, .arg = l,
		.in_order = true, .idle_seconds = IDLE,
		.retry_seconds = RETRY,
	};
	const char	      *value;
	size_t		       n = 0;

	for (size_t i = 0; i < TOLD; i++) {
		value = settings_text(set, told_names[i], NULL);
		if (value != NULL)
			l->told[n++] = (struct client_setting){
				told_names[i], value,
			};
	}
	check_settings(set);
	l->base = query_setting(&l->query, "search_base", "");
	l->filter = query_setting(&l->query, "query_filter",
	    "(mailacceptinggeneralid=%s)");
	l->scope = read_scope(set);
	l->timeout = settings_int(set, "timeout", 10, 1);
	l->recursion_limit = settings_int(set, "recursion_limit", 1000, 1);
	l->size_limit = settings_int(set, "size_limit",
	    l->query.expansion_limit, 0);
	read_columns(l, set);
	l->servers = servers_new(settings_text(set, "server_host",
	    "localhost"), &o);
	if (servers_host_count(l->servers) == 0)
		settings_fail(set, "server_host: no host is given");
}

static bool
open_ldap(struct table *t)
{
	struct ldap *l = NEW(struct ldap);
	bool	     ok = query_init(&l->query, t);

	if (ok) {
		read_settings(l);
		ok = !l->query.settings.failed;
	}
	if (ok) {
		l->client = plugin_load(t, "ldap", "client_plugin");
		ok = l->client != NULL;
	}
	if (ok && l->client->abi != CLIENT_ABI)
		ok = table_fail(t, "%s: postfix-ldap.so is of another "
		    "release", t->full_name);
	if (ok)
		t->state = l;
	else
		destroy(l);
	return ok;
}

static bool
close_ldap(struct table *t, bool publish)
{
	struct ldap *l = t->state;

	(void)publish;
	if (l->users > 0)
		l->closed = true;
	else
		destroy(l);
	return true;
}

/* RFC 4515 3. */
static bool
add_to_filter(void *arg, struct buf *out, struct str text, bool is_literal)
{
	(void)arg;
	for (size_t i = 0; i < text.n; i++)
		if (!is_literal && strchr("*()\\", text.p[i]) != NULL)
			buf_addf(out, "\\%02x", (unsigned char)text.p[i]);
		else
			buf_addc(out, text.p[i]);
	return true;
}

/* RFC 4514 2.4. */
static bool
add_to_dn(void *arg, struct buf *out, struct str text, bool is_literal)
{
	(void)arg;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool edge = c == ' ' && (i == 0 || i + 1 == text.n);

		if (!is_literal && ((unsigned char)c < ' ' || c == 127)) {
			buf_addf(out, "\\%02x", (unsigned char)c);
			continue;
		}
		if (!is_literal && (strchr(",+\"\\<>;=", c) != NULL || edge ||
		    (c == '#' && i == 0)))
			buf_addc(out, '\\');
		buf_addc(out, c);
	}
	return true;
}

/* --- one lookup */

/* What a special attribute says, left to be searched. */
struct task_left {
	char	*where;
	int	 depth;
};

struct lookup {
	struct ldap	 *ldap;
	struct table	 *table;
	const char	 *key;
	struct answer	  answer;
	struct buf	 *result;
	int		  count, searches;
	struct task_left *left;
	size_t		  left_count, left_room;
	bool		  failed;	/* after table_fail() */
};

static void
leave(struct lookup *x, struct str where, int depth)
{
	if (x->left_count == x->left_room) {
		x->left_room = x->left_room == 0 ? 16 : 2 * x->left_room;
		x->left = mem_realloc(x->left,
		    x->left_room * sizeof *x->left);
	}
	x->left[x->left_count++] = (struct task_left){
		mem_strndup(where.p, where.n), depth,
	};
}

static void
reverse(struct lookup *x, size_t from)
{
	for (size_t to = x->left_count; from + 1 < to; from++, to--) {
		struct task_left one = x->left[from];

		x->left[from] = x->left[to - 1];
		x->left[to - 1] = one;
	}
}

/* The cells [from, to) of one entry. */
static bool
take_entry(struct lookup *x, size_t from, size_t to, int depth)
{
	struct ldap *l = x->ldap;
	bool	     has[4] = { false };

	for (size_t i = from; i < to; i++)
		if (x->answer.cells[i].len > 0)
			has[l->kinds[x->answer.cells[i].column]] = true;
	for (size_t i = from; i < to; i++) {
		enum kind  kind = l->kinds[x->answer.cells[i].column];
		struct str value = answer_value(&x->answer, i);

		if (has[TERMINAL] ? kind != TERMINAL :
		    kind == LEAF && has[SPECIAL])
			continue;
		if (kind == SPECIAL)
			leave(x, value, depth + 1);
		else if (!query_add_value(&l->query, x->table, x->key, value,
		    &x->count, x->result))
			return false;
	}
	return true;
}

static bool
take_answer(struct lookup *x, int depth)
{
	size_t from = 0, to, left = x->left_count;

	while (from < x->answer.count) {
		for (to = from; to < x->answer.count && x->answer.cells[to].row
		    == x->answer.cells[from].row;)
			to++;
		if (!take_entry(x, from, to, depth))
			return false;
		from = to;
	}
	/* The last is taken first. */
	reverse(x, left);
	return true;
}

/* The URL wants fewer attributes: others become unknown names. */
static void
keep_columns(const char **columns, const char *const *wanted)
{
	for (; *columns != NULL; columns++) {
		const char *const *w = wanted;

		while (*w != NULL && strcasecmp(*w, *columns) != 0)
			w++;
		if (*w == NULL)
			*columns = "1.1";	/* RFC 4511 4.5.1.8: none */
	}
}

static enum servers_result
search(struct lookup *x, void *connection, struct client_question *q,
    int depth, struct buf *why)
{
	struct ldap	   *l = x->ldap;
	enum servers_result r;

	q->wait_seconds = l->timeout;
	q->row_limit = l->size_limit;
	if (++x->searches > SEARCHES_MAX) {
		buf_set(why, "too many searches");
		return SERVERS_FAILED;
	}
	r = answer_ask(l->client, connection, q, &x->answer, why);
	/* An entry that a group still names is gone; but a wrong search_base
	 * must not make all users unknown. */
	if (r == SERVERS_FAILED && x->answer.out.none &&
	    (depth > 0 || strchr(l->base, '%') != NULL))
		return SERVERS_DONE;
	if (r == SERVERS_DONE && !take_answer(x, depth))
		x->failed = true;
	return r;
}

static enum servers_result
follow(struct lookup *x, void *connection, struct task_left t,
    struct buf *why)
{
	struct ldap	       *l = x->ldap;
	const char	       *columns[COLUMNS_MAX + 1];
	struct client_url_parts url;
	struct client_question	q = {
		.text = "(objectClass=*)", .base = t.where, .scope = 0,
		.columns = l->columns,
	};
	enum servers_result	r;

	if (t.depth > l->recursion_limit) {
		buf_addf(why, "recursion_limit is exceeded at \"%.200s\"",
		    t.where);
		return SERVERS_FAILED;
	}
	switch (l->client->url_parse(t.where, &url)) {
	case CLIENT_URL_NO:
		return search(x, connection, &q, t.depth, why);
	case CLIENT_URL_BAD:
		buf_addf(why, "bad URL: \"%.200s\"", t.where);
		return SERVERS_FAILED;
	case CLIENT_URL_YES:
		break;
	}
	memcpy(columns, l->columns, sizeof columns);
	if (url.columns != NULL && url.columns[0] != NULL)
		keep_columns(columns, url.columns);
	q = (struct client_question){
		.text = url.filter, .base = url.base, .scope = url.scope,
		.columns = columns,
	};
	r = search(x, connection, &q, t.depth, why);
	l->client->url_free(&url);
	return r;
}

static void
forget_left(struct lookup *x)
{
	while (x->left_count > 0)
		mem_free(x->left[--x->left_count].where);
}

static enum servers_result
ask(void *arg, void *connection, struct buf *why)
{
	struct lookup	      *x = arg;
	struct ldap	      *l = x->ldap;
	struct buf	       base = BUF_INIT, filter = BUF_INIT;
	struct client_question q = {
		.scope = l->scope, .columns = l->columns,
	};
	enum servers_result    r;

	/* Another host begins anew. */
	buf_clear(x->result);
	x->count = x->searches = 0;
	query_expand(&base, l->base, x->key, add_to_dn, NULL);
	query_expand(&filter, l->filter, x->key, add_to_filter, NULL);
	q.base = base.data;
	q.text = filter.data;
	r = search(x, connection, &q, 0, why);
	while (r == SERVERS_DONE && !x->failed && x->left_count > 0) {
		struct task_left t = x->left[--x->left_count];

		r = follow(x, connection, t, why);
		mem_free(t.where);
	}
	forget_left(x);
	buf_done(&base);
	buf_done(&filter);
	return r;
}

static enum table_result
find_ldap(struct table *t, const char *key, struct buf *ret)
{
	struct ldap	 *l = t->state;
	const char	 *templates[] = { l->filter, l->base, NULL };
	char		 *copy = mem_strdup(key);
	struct lookup	  x = {
		.ldap = l, .table = t, .key = copy, .result = ret,
	};
	struct buf	  why = BUF_INIT;
	enum table_result r;

	l->users++;
	answer_init(&x.answer);
	r = query_wants(&l->query, t, copy, templates);
	if (r == TABLE_FOUND) {
		if (!servers_run(l->servers, ask, &x, &why)) {
			log_warn("%s: lookup of \"%.200s\" failed: %s",
			    t->full_name, copy, why.data);
			r = table_fail_find(t, "%s", why.data);
		} else if (x.failed) {
			r = TABLE_ERROR;
		} else {
			r = ret->len > 0 ? TABLE_FOUND : TABLE_NOT_FOUND;
		}
	}
	answer_done(&x.answer);
	buf_done(&why);
	mem_free(x.left);
	mem_free(copy);
	if (--l->users == 0 && l->closed)
		destroy(l);
	return r;
}

const struct table_type table_type_ldap = {
	.name = "ldap",
	.open = open_ldap,
	.close = close_ldap,
	.find = find_ldap,
};
