#include <string.h>
#include <strings.h>

#include "mail/address.h"
#include "mail/checks.h"
#include "mail/header.h"
#include "mail/why.h"
#include "table/table.h"
#include "util/mem.h"

enum { SHOWN = 200 };	/* bytes of a field or line in the log */

struct checks {
	enum checks_user	 user;
	const char		*parameters[CHECKS_KINDS];
	struct table_list	*tables[CHECKS_KINDS];
};

/* --- actions: a row each */

enum { CLEANUP = 1, SMTP = 2, MILTER = 4, ALL = CLEANUP | SMTP | MILTER };

/* Looks at the argument, which is in c->text.  False: it is of no use, and
 * c->problem says why. */
typedef bool argument_fn(struct checked *c, enum checks_kind,
    const char *parameter);

static argument_fn need_address, need_bcc, need_transport, need_line,
    need_code;

static const struct action {
	const char		*name, *word;
	enum check_action	 action;
	int			 users;
	argument_fn		*argument;
} actions[] = {
	{ "BCC", "bcc", CHECK_BCC, CLEANUP | MILTER, need_bcc },
	{ "DISCARD", "discard", CHECK_DISCARD, CLEANUP | MILTER, NULL },
	{ "DUNNO", NULL, CHECK_NONE, ALL, NULL },
	{ "FILTER", "filter", CHECK_FILTER, CLEANUP | MILTER,
	    need_transport },
	{ "HOLD", "hold", CHECK_HOLD, CLEANUP | MILTER, NULL },
	{ "IGNORE", NULL, CHECK_IGNORE, ALL, NULL },
	{ "INFO", "info", CHECK_INFO, ALL, NULL },
	{ "OK", NULL, CHECK_NONE, ALL, NULL },
	{ "PASS", "pass", CHECK_PASS, CLEANUP | MILTER, NULL },
	{ "PREPEND", "prepend", CHECK_PREPEND, CLEANUP | SMTP, need_line },
	{ "REDIRECT", "redirect", CHECK_REDIRECT, CLEANUP | MILTER,
	    need_address },
	{ "REJECT", "reject", CHECK_REJECT, CLEANUP | MILTER, need_code },
	{ "REPLACE", "replace", CHECK_REPLACE, ALL, need_line },
	{ "STRIP", "strip", CHECK_STRIP, ALL, NULL },
	{ "WARN", "warning", CHECK_WARN, ALL, NULL },
};

enum { ACTIONS = sizeof actions / sizeof *actions };

static bool
has_domain(const char *address)
{
	const char *domain = address_domain(address);

	return domain != NULL && *domain != '\0' && *address != '@';
}

static bool
need_address(struct checked *c, enum checks_kind kind, const char *parameter)
{
	(void)kind;
	if (has_domain(c->text.data))
		return true;
	buf_addf(&c->problem, "bad REDIRECT target \"%s\" in %s map -- need "
	    "user@domain", c->text.data, parameter);
	return false;
}

static bool
need_bcc(struct checked *c, enum checks_kind kind, const char *parameter)
{
	(void)kind;
	if (has_domain(c->text.data))
		return true;
	buf_addf(&c->problem, "bad BCC address \"%s\" in %s map -- need "
	    "user@domain", c->text.data, parameter);
	return false;
}

static bool
need_transport(struct checked *c, enum checks_kind kind,
    const char *parameter)
{
	(void)kind;
	if (c->text.len == 0)
		buf_addf(&c->problem, "missing FILTER command argument in %s "
		    "map", parameter);
	else if (strchr(c->text.data, ':') == NULL)
		buf_addf(&c->problem, "bad FILTER command %s in %s -- need "
		    "transport:destination", c->text.data, parameter);
	return c->problem.len == 0;
}

/* A line that replaces or precedes a field is one itself. */
static bool
need_line(struct checked *c, enum checks_kind kind, const char *parameter)
{
	const char *name = c->action == CHECK_REPLACE ? "REPLACE" : "PREPEND";

	if (c->text.len == 0)
		buf_addf(&c->problem, "%s action without text in %s map",
		    name, parameter);
	else if (kind != CHECKS_BODY &&
	    header_name_len(c->text.data, c->text.len) == 0)
		buf_addf(&c->problem, "bad %s header text \"%s\" in %s map "
		    "-- need \"headername: headervalue\"", name,
		    c->text.data, parameter);
	return c->problem.len == 0;
}

/* RFC 3463: refusals are 4.x.x or 5.x.x. */
static bool
need_code(struct checked *c, enum checks_kind kind, const char *parameter)
{
	char   dsn[12];
	size_t n = dsn_parse(c->text.data, dsn);

	(void)kind;
	(void)parameter;
	if (c->text.len == 0) {
		buf_set(&c->text, "5.7.1 message content rejected");
	} else if (n == 0) {
		buf_splice(&c->text, 0, 0, "5.7.1 ", 6);
	} else if (dsn[0] != '4' && dsn[0] != '5') {
		buf_addf(&c->problem, "bad DSN action in %s -- need 4.x.x or "
		    "5.x.x", c->text.data);
		buf_splice(&c->text, 0, n, "4.0.0", 5);
	}
	n = strcspn(c->text.data, " ");
	if (c->text.data[n] == '\0')
		buf_addc(&c->text, ' ');
	return true;
}

static const struct action *
find_action(const char *name, size_t len, enum checks_user user)
{
	static const int users[] = {
		[CHECKS_CLEANUP] = CLEANUP, [CHECKS_SMTP] = SMTP,
		[CHECKS_MILTER] = MILTER,
	};

	for (size_t i = 0; i < ACTIONS; i++)
		if (str_is_nocase((struct str){ name, len }, actions[i].name))
			return (actions[i].users & users[user]) != 0 ?
			    &actions[i] : NULL;
	return NULL;
}

/*
 * A folded field that is quoted by "$1" has line ends; they stay folds, so
 * that no line of the result stands alone.
 */
static void
keep_folded(struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] == '\n' && text->data[i + 1] != ' ' &&
		    text->data[i + 1] != '\t')
			buf_splice(text, i + 1, 0, " ", 1);
}

static void
clear(struct checked *c)
{
	c->action = CHECK_NONE;
	buf_clear(&c->text);
	buf_clear(&c->problem);
}

void
checks_parse(enum checks_user user, enum checks_kind kind,
    const char *parameter, const char *value, struct checked *ret)
{
	size_t		     len = strcspn(value, " \t\r\n");
	const char	    *text = value + len;
	const struct action *a = find_action(value, len, user);

	clear(ret);
	if (a == NULL) {
		buf_addf(&ret->problem, "%s command in %s map: %s",
		    user == CHECKS_SMTP ? "unsupported" : "unknown",
		    parameter, value);
		return;
	}
	text += strspn(text, " \t\r\n");
	buf_adds(&ret->text, text);
	ret->action = a->action;
	if (a->argument != NULL && !a->argument(ret, kind, parameter)) {
		ret->action = CHECK_NONE;
		return;
	}
	if (a->action == CHECK_REPLACE || a->action == CHECK_PREPEND)
		keep_folded(&ret->text);
}

/* --- tables */

struct checks *
checks_open(enum checks_user user, int table_flags,
    const struct checks_names names[CHECKS_KINDS])
{
	struct checks *c = NEW(struct checks);

	c->user = user;
	for (int i = 0; i < CHECKS_KINDS; i++) {
		if (names[i].tables == NULL || *names[i].tables == '\0')
			continue;
		c->parameters[i] = names[i].parameter;
		c->tables[i] = table_list_open(names[i].parameter,
		    names[i].tables, table_flags);
		if (table_list_is_empty(c->tables[i])) {
			table_list_close(c->tables[i]);
			c->tables[i] = NULL;
		}
	}
	return c;
}

void
checks_close(struct checks *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < CHECKS_KINDS; i++)
		table_list_close(c->tables[i]);
	mem_free(c);
}

bool
checks_want(const struct checks *c, enum checks_kind kind)
{
	return c != NULL && c->tables[kind] != NULL;
}

bool
checks_want_any(const struct checks *c)
{
	for (int i = 0; c != NULL && i < CHECKS_KINDS; i++)
		if (c->tables[i] != NULL)
			return true;
	return false;
}

enum checks_kind
checks_kind_of(const struct mime_field *f)
{
	if (f->where == MIME_PART ||
	    (f->fact != NULL && (f->fact->flags & HEADER_IS_MIME) != 0))
		return CHECKS_MIME;
	return f->where == MIME_NESTED ? CHECKS_NESTED : CHECKS_HEADER;
}

void
checks_find(struct checks *c, enum checks_kind kind, struct str text,
    struct checked *ret)
{
	struct buf key = BUF_INIT, value = BUF_INIT;

	clear(ret);
	if (!checks_want(c, kind) || text.n == 0)
		return;
	buf_add(&key, text.p, text.n);
	switch (table_list_find(c->tables[kind], key.data, &value)) {
	case TABLE_FOUND:
		checks_parse(c->user, kind, c->parameters[kind], value.data,
		    ret);
		break;
	case TABLE_ERROR:
		ret->action = CHECK_FAILED;
		buf_addf(&ret->problem, "%s map lookup problem",
		    c->parameters[kind]);
		break;
	case TABLE_NOT_FOUND:
		break;
	}
	buf_done(&key);
	buf_done(&value);
}

void
checked_done(struct checked *c)
{
	buf_done(&c->text);
	buf_done(&c->problem);
}

/* --- log */

/* The word for the log: "reject", "warning".  NULL where nothing is logged. */
static const char *
word_of(enum check_action action)
{
	for (size_t i = 0; i < ACTIONS; i++)
		if (actions[i].action == action)
			return actions[i].word;
	return NULL;
}

void
checks_log_line(struct buf *line, enum checks_kind kind,
    const struct checked *c, struct str text, const char *origin)
{
	const char *word = word_of(c->action);

	if (word == NULL)
		return;
	buf_addf(line, "%s: %s %.*s%s", word,
	    kind == CHECKS_BODY ? "body" : "header",
	    (int)(text.n < SHOWN ? text.n : SHOWN), text.p, origin);
	if (c->text.len > 0)
		buf_addf(line, ": %s", c->text.data);
}
