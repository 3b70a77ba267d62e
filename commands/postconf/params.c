/*
 * Listing of main.cf.  Built-in names come from the tables, service names
 * from the transports in master.cf, user names are those of main.cf that
 * something refers to, or a table whose settings stand there.
 */

#include <stdlib.h>
#include <string.h>

#include "commands/postconf/postconf.h"
#include "conf/audit.h"
#include "conf/conf.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"

/* name -> default text; "" for a user's name. */
static struct map *known;

static void
add(const char *name, const char *def)
{
	struct map_entry *slot = map_slot(known, name, strlen(name));

	if (slot->value == NULL)
		slot->value = mem_strdup(def);
}

static void
add_builtin(void)
{
	const struct param *p;
	const char	   *name;

	for (size_t i = 0; i < PARAM_COUNT; i++) {
		p = &param_rows[i];
		name = param_name(p);
		if (!(p->flags & (UNLISTED | OURS)) || (conf_is_set(name) &&
		    names_known(&postconf.names, name)))
			add(name, param_default(p));
	}
}

static void
add_service_params(void)
{
	const struct transport_param *t;
	const struct service	     *s;
	const struct param	     *p;
	char			     *name;

	for (size_t i = 0; i < postconf.services.count; i++) {
		s = &postconf.services.services[i];
		for (t = transport_params; t->suffix != NULL; t++) {
			if (!names_has_param(s->program, t))
				continue;
			name = mem_printf("%s%s", s->name, t->suffix);
			p = param_find(name);
			add(name, p != NULL ? param_def(p) : t->def);
			mem_free(name);
		}
	}
}

static bool
is_listed(const char *name)
{
	const struct param *p = param_find(name);

	return p != NULL && !(p->flags & (UNLISTED | OURS));
}

static void
add_user(void *arg, const char *name, const char *text, int line)
{
	(void)arg;
	(void)text;
	(void)line;
	if (!is_listed(name) && (names_referenced(&postconf.names, name) ||
	    audit_options_refer(&postconf.services, name) ||
	    names_table_param(&postconf.names, name)))
		add(name, "");
}

bool
params_is_raw(const char *name)
{
	const struct param *p = param_find(name);

	return p != NULL && p->type == PARAM_RAW;
}

static void
show_one(const char *name, const char *def)
{
	const char *text = HAS('d') || !conf_is_set(name) ? def :
	    conf_text(name);
	char	   *value;

	if (!HAS('x') || params_is_raw(name)) {
		show(name, text);
		return;
	}
	value = check_expanded(text, NULL, NULL);
	show(name, value);
	mem_free(value);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct map_entry *)a)->key,
	    ((const struct map_entry *)b)->key);
}

static void
show_all(void)
{
	size_t		  n = map_count(known);
	struct map_entry *sorted = mem_alloc((n + 1) * sizeof *sorted);

	for (size_t i = 0; i < n; i++)
		sorted[i] = *map_at(known, i);
	qsort(sorted, n, sizeof *sorted, by_name);
	for (size_t i = 0; i < n; i++)
		if (!HAS('n') || conf_is_set(sorted[i].key))
			show_one(sorted[i].key, sorted[i].value);
	mem_free(sorted);
}

/* NULL if it is unknown. */
static const char *
default_of(const char *name)
{
	const struct param *p = param_find(name);

	if (p != NULL && (p->flags & OURS))
		return param_default(p);
	return map_find(known, name);
}

void
params_show(char **names)
{
	const char *def;

	known = map_new();
	/* Who names a parameter need not know its class. */
	if (*names != NULL || (postconf.classes & CLASS_BUILTIN))
		add_builtin();
	if (*names != NULL || (postconf.classes & CLASS_SERVICE))
		add_service_params();
	if (*names != NULL || (postconf.classes & CLASS_USER))
		conf_each(add_user, NULL);
	if (*names == NULL)
		show_all();
	for (; *names != NULL; names++) {
		def = default_of(*names);
		if (def == NULL)
			log_warn("%s: unknown parameter", *names);
		else if (!HAS('n') || conf_is_set(*names))
			show_one(*names, def);
	}
	map_free(known, mem_free);
}
