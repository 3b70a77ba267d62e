/*
 * Lists are compiled once: names become functions, tables are opened.  What
 * is wrong with a list shows when it is used: the client is told to come back,
 * and the log says what to repair.
 */

#include <string.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "smtpd/access/access.h"
#include "table/table_type.h"
#include "util/log.h"
#include "util/text.h"

enum {
	DEPTH_MAX = 100,	/* classes within classes */
};

struct access_list {
	const char	   *title;
	struct access_item *items;
	size_t		    count;
	struct pool	    pool;
};

/* --- compiling */

static const struct restriction *const families[] = {
	access_generic, access_client_family, access_helo_family,
	access_sender_family, access_recipient_family, access_table_family,
	access_dnsbl_family, access_servers_family, access_policy_family,
	access_backup_family, access_verify_family, access_login_family,
	access_ccert_family, access_greylist_family,
};

static const struct restriction *
find_restriction(const char *name)
{
	const struct restriction *r;

	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		for (r = families[i]; r->name != NULL; r++)
			if (text_eq_nocase(name, r->name))
				return r;
	return NULL;
}

/* smtpd_restriction_classes names parameters that hold lists. */
static bool
is_class(const char *name)
{
	char *text = mem_strdup(conf_smtpd.smtpd_restriction_classes);
	char *next = text, *word;
	bool  found = false;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL)
		found |= text_eq(word, name);
	mem_free(text);
	return found;
}

void
access_check_classes(void)
{
	char	   *text = mem_strdup(conf_smtpd.smtpd_restriction_classes);
	char	   *next = text, *word;
	const char *value;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL) {
		value = conf_value(word);
		if (value == NULL || *value == '\0')
			fatalx("restriction class `%s' needs a definition",
			    word);
	}
	mem_free(text);
}

static int
table_flags(void)
{
	return TABLE_FOLD | (conf_mail.smtputf8_enable ? TABLE_UTF8 : 0);
}

/* A name, or "{ name, { option = value } }". */
static struct table *
open_table(const char *arg)
{
	char	     *copy = mem_strdup(arg), *next = copy, *name;
	struct table *t;

	if (*next == '{')
		next++;
	name = table_next_word(&next);
	t = table_open(*arg == '{' && name != NULL ? name : arg,
	    table_flags());
	mem_free(copy);
	return t;
}

static struct access_list *compile(const char *, const char *, unsigned);

/* Takes the argument, too, from *next. */
static void
compile_item(struct access_list *l, struct access_item *item, const char *word,
    char **next, unsigned depth)
{
	const char *value, *arg;

	item->name = pool_strdup(&l->pool, word);
	if ((item->what = find_restriction(word)) != NULL) {
		if (item->what->flags & OPENS_GREYLIST)
			access_greylist_open();
		if ((item->what->flags & (TAKES_TABLE | TAKES_WORD)) == 0)
			return;
		arg = table_next_word(next);
		if (arg != NULL)
			item->arg = pool_strdup(&l->pool, arg);
		if (arg != NULL && (item->what->flags & TAKES_TABLE))
			item->table = open_table(arg);
	} else if (depth < DEPTH_MAX && is_class(word) &&
	    (value = conf_value(word)) != NULL) {
		item->list = compile(word, value, depth + 1);
	} else if (strchr(word, ':') != NULL) {
		/* short for check_<stage>_access */
		item->what = find_restriction("check_access_by_stage");
		item->arg = item->name;
		item->table = table_open(word, table_flags());
	}
}

static struct access_list *
compile(const char *title, const char *text, unsigned depth)
{
	struct access_list *l = NEW(struct access_list);
	char		   *copy = mem_strdup(text), *next = copy, *word;
	size_t		    room = 0;

	l->title = pool_strdup(&l->pool, title);
	while ((word = table_next_word(&next)) != NULL) {
		if (l->count == room) {
			room = room ? room * 2 : 4;
			l->items = mem_realloc(l->items,
			    room * sizeof *l->items);
		}
		l->items[l->count] = (struct access_item){ 0 };
		compile_item(l, &l->items[l->count++], word, &next, depth);
	}
	mem_free(copy);
	return l;
}

struct access_list *
access_compile(const char *title, const char *text)
{
	return compile(title, text, 0);
}

struct access_list *
access_compile_clients(const char *title, const char *text)
{
	struct access_list *l = compile(title, text, 0);

	for (size_t i = 0; i < l->count; i++)
		if (l->items[i].arg == l->items[i].name &&
		    l->items[i].table != NULL)
			l->items[i].what =
			    find_restriction("check_address_map");
	return l;
}

void
access_list_free(struct access_list *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->count; i++) {
		table_close(l->items[i].table);
		access_list_free(l->items[i].list);
	}
	mem_free(l->items);
	pool_done(&l->pool);
	mem_free(l);
}

bool
access_restricts_relay(const struct access_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct access_item *item = &l->items[i];

		if (item->what != NULL && (item->what->flags & STOPS_RELAY))
			return true;
		if (item->list != NULL && access_restricts_relay(item->list))
			return true;
	}
	return false;
}

/* --- running */

static enum verdict
run_item(struct access *a, const struct access_item *item)
{
	if (item->list != NULL)
		return access_run(a, item->list);
	if (item->what == NULL) {
		log_warn("unknown smtpd restriction: \"%s\"", item->name);
		return access_broken(a);
	}
	if ((item->what->flags & TAKES_TABLE) && (item->arg == NULL ||
	    strchr(item->arg, ':') == NULL)) {
		log_warn("restriction %s: bad argument \"%s\": need "
		    "maptype:mapname", item->name,
		    item->arg != NULL ? item->arg : item->name);
		return access_broken(a);
	}
	return item->what->run(a, item);
}

/* Refused or not, the mail will be deferred: the rest need not be asked. */
static bool
is_decided(const struct access *a)
{
	return a->deferred.if_permit.text != NULL &&
	    a->deferred.if_reject.text != NULL;
}

enum verdict
access_run(struct access *a, const struct access_list *l)
{
	enum verdict v = VERDICT_NONE;
	bool	     outer_warn = a->warn;

	if (a->depth >= DEPTH_MAX) {
		log_warn("%s: restriction classes are nested too deep",
		    l->title);
		return access_broken(a);
	}
	a->depth++;
	for (size_t i = 0; i < l->count && v == VERDICT_NONE; i++) {
		const struct access_item *item = &l->items[i];

		v = run_item(a, item);
		if (item->what == NULL || !(item->what->flags & IS_PREFIX))
			a->warn = outer_warn;
		if (is_decided(a))
			break;
	}
	a->warn = outer_warn;
	a->depth--;
	return v;
}

