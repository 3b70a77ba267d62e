#include <stdint.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/lines.h"
#include "conf/names.h"
#include "conf/table_params.h"
#include "util/file.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum { FILE_MAX = 16 * 1024 * 1024 };

const struct transport_param transport_params[] = {
	{ "_delivery_slot_cost", "$default_delivery_slot_cost", false },
	{ "_delivery_slot_discount", "$default_delivery_slot_discount",
	    false },
	{ "_delivery_slot_loan", "$default_delivery_slot_loan", false },
	{ "_destination_concurrency_failed_cohort_limit",
	    "$default_destination_concurrency_failed_cohort_limit", false },
	{ "_destination_concurrency_limit",
	    "$default_destination_concurrency_limit", false },
	{ "_destination_concurrency_negative_feedback",
	    "$default_destination_concurrency_negative_feedback", false },
	{ "_destination_concurrency_positive_feedback",
	    "$default_destination_concurrency_positive_feedback", false },
	{ "_destination_rate_delay", "$default_destination_rate_delay",
	    false },
	{ "_destination_recipient_limit",
	    "$default_destination_recipient_limit", false },
	{ "_extra_recipient_limit", "$default_extra_recipient_limit", false },
	{ "_initial_destination_concurrency",
	    "$initial_destination_concurrency", false },
	{ "_minimum_delivery_slots", "$default_minimum_delivery_slots",
	    false },
	{ "_recipient_limit", "$default_recipient_limit", false },
	{ "_recipient_refill_delay", "$default_recipient_refill_delay",
	    false },
	{ "_recipient_refill_limit", "$default_recipient_refill_limit",
	    false },
	{ "_time_limit", "$command_time_limit", true },
	{ "_transport_rate_delay", "$default_transport_rate_delay", false },
	{ NULL, NULL, false }
};

bool
names_has_param(const char *program, const struct transport_param *t)
{
	static const char *const transports[] = {
		"error", "lmtp", "local", "pipe", "smtp", "virtual", NULL
	};
	bool is_transport = false;

	if (t->time_limit)
		return text_eq(program, "pipe") || text_eq(program, "spawn");
	for (int i = 0; transports[i] != NULL; i++)
		is_transport |= text_eq(program, transports[i]);
	return is_transport;
}

static void
note(struct map *m, const char *name, size_t len)
{
	if (len > 0)
		map_slot(m, name, len)->value = m;
}

/* "mysql:box", without a path, means parameters box_*; with one it is a file
 * of its own, which counts only where a program would open it. */
static void
scan_tables(struct names *n, const char *text, bool is_opened)
{
	const struct table_params *type;
	struct buf  expanded = BUF_INIT;
	const char *p = text, *name, *why;
	size_t	    len;
	char	   *key;

	if (strchr(text, '$') != NULL &&
	    conf_expand(&expanded, text, NULL, NULL, &why))
		p = expanded.data;
	while (strchr(p, ':') != NULL &&
	    (p = table_params_scan(p, &type, &name, &len)) != NULL) {
		if (*name != '/' && *name != '.') {
			map_slot(n->prefixes, name, len)->value =
			    (void *)(uintptr_t)type;
			continue;
		}
		if (!is_opened)
			continue;
		key = mem_printf("%s:%.*s", type->type, (int)len, name);
		map_set(n->tables, key, (void *)(uintptr_t)type);
		mem_free(key);
	}
	buf_done(&expanded);
}

static void
note_name(void *arg, const char *name)
{
	note(arg, name, strlen(name));
}

void
names_scan(struct names *n, const char *text)
{
	const char *why;

	conf_visit_names(text, note_name, n->referenced, &why);
}

/* A name that belongs to a transport, should master.cf have one of it. */
static bool
is_template(const struct param *p)
{
	const char *name = param_name(p);
	size_t	    len = strlen(name), tail;

	if (!(p->flags & UNLISTED))
		return false;
	for (int i = 0; transport_params[i].suffix != NULL; i++) {
		tail = strlen(transport_params[i].suffix);
		if (len > tail && text_eq(name + len - tail,
		    transport_params[i].suffix))
			return true;
	}
	return false;
}

static void
scan_entry(void *arg, const char *name, const char *text, int line)
{
	char *copy, *rest, *word;

	(void)line;
	names_scan(arg, text);
	/* The administrator's own names may hold parts of a table's name. */
	scan_tables(arg, text, param_find(name) != NULL);
	if (!text_eq(name, "smtpd_restriction_classes"))
		return;
	rest = copy = mem_strdup(text);
	while ((word = text_word(&rest, TEXT_LIST_SEP, false)) != NULL)
		note(((struct names *)arg)->referenced, word, strlen(word));
	mem_free(copy);
}

/* Services by name.  Lines that are wrong are for master_cf_read() to complain
 * about; what options refer to is a matter of the service (audit.c). */
static void
scan_master_cf(struct names *n)
{
	char	    *path = mem_printf("%s/master.cf", conf_dir());
	struct buf   content = BUF_INIT, line = BUF_INIT;
	struct lines l;
	char	    *rest, *name, *program;

	if (file_read(path, FILE_MAX, &content)) {
		lines_init(&l, content.data, content.len);
		while (lines_next(&l, &line)) {
			scan_tables(n, line.data, true);
			rest = line.data;
			name = program = text_word(&rest, " \t\r", true);
			for (int i = 0; i < 7 && program != NULL; i++)
				program = text_word(&rest, " \t\r", true);
			if (program != NULL)
				mem_free(map_set(n->services, name,
				    mem_strdup(program)));
		}
	}
	buf_done(&content);
	buf_done(&line);
	mem_free(path);
}

void
names_init(struct names *n)
{
	n->referenced = map_new();
	n->prefixes = map_new();
	n->services = map_new();
	n->tables = map_new();
	conf_each(scan_entry, n);
	scan_master_cf(n);
}

void
names_done(struct names *n)
{
	map_free(n->referenced, NULL);
	map_free(n->prefixes, NULL);
	map_free(n->services, mem_free);
	map_free(n->tables, NULL);
}

static bool
is_transports(const struct names *n, const char *name)
{
	const struct transport_param *t;
	const char *program;
	size_t	    len = strlen(name), tail;

	for (t = transport_params; t->suffix != NULL; t++) {
		tail = strlen(t->suffix);
		if (len <= tail || !text_eq(name + len - tail, t->suffix))
			continue;
		program = map_find_n(n->services, name, len - tail);
		if (program != NULL && names_has_param(program, t))
			return true;
	}
	return false;
}

bool
names_table_param(const struct names *n, const char *name)
{
	const struct map_entry *m;

	for (size_t i = 0; i < map_count(n->prefixes); i++) {
		m = map_at(n->prefixes, i);
		if (strncmp(name, m->key, m->key_len) == 0 &&
		    name[m->key_len] == '_' &&
		    table_params_has(m->value, name + m->key_len + 1))
			return true;
	}
	return false;
}

bool
names_known(const struct names *n, const char *name)
{
	const struct param *p = param_find(name);

	return (p != NULL && !is_template(p)) || is_transports(n, name) ||
	    names_table_param(n, name);
}

bool
names_referenced(const struct names *n, const char *name)
{
	return map_find(n->referenced, name) != NULL;
}

/* --- the nearest name */

/* The edits that may separate a name from its typo. */
int
names_slack(const char *name)
{
	int len = (int)strlen(name);

	return len < 3 ? 0 : len < 8 ? 1 : len < 12 ? 2 : 3;
}

struct nearest {
	const char	*name;
	int		 limit;
	struct buf	 best;
};

static void
consider(struct nearest *n, const char *candidate)
{
	int distance;

	if (n->limit < 0 || text_eq(candidate, n->name))
		return;
	distance = text_distance(n->name, candidate, n->limit);
	if (distance > n->limit)
		return;
	buf_set(&n->best, candidate);
	n->limit = distance - 1;
}

static void
consider_declared(struct nearest *n)
{
	for (size_t i = 0; i < PARAM_COUNT; i++)
		consider(n, param_name(&param_rows[i]));
}

/* One half of SERVICE_suffix is right, and the other not too wrong. */
static bool
shares_part(const char *name, const char *service, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);
	char  *front;
	int    slack;
	bool   is_near;

	if (text_starts(name, service))
		return true;
	if (len <= tail || !text_eq(name + len - tail, suffix))
		return false;
	front = mem_strndup(name, len - tail);
	slack = names_slack(front);
	is_near = text_distance(front, service, slack) <= slack;
	mem_free(front);
	return is_near;
}

static void
consider_transports(struct nearest *n, const struct names *names)
{
	const struct transport_param *t;
	const struct map_entry	     *m;
	char			     *name;

	for (size_t i = 0; i < map_count(names->services); i++) {
		m = map_at(names->services, i);
		for (t = transport_params; t->suffix != NULL; t++) {
			if (!names_has_param(m->value, t) ||
			    !shares_part(n->name, m->key, t->suffix))
				continue;
			name = mem_printf("%s%s", m->key, t->suffix);
			consider(n, name);
			mem_free(name);
		}
	}
}

static void
consider_table_params(struct nearest *n, const struct names *names)
{
	const struct table_params *type;
	const struct map_entry	  *m;
	char			  *name;

	for (size_t i = 0; i < map_count(names->prefixes); i++) {
		m = map_at(names->prefixes, i);
		type = m->value;
		for (int k = 0; type->names[k] != NULL; k++) {
			name = mem_printf("%s_%s", m->key, type->names[k]);
			consider(n, name);
			mem_free(name);
		}
	}
}

static void
consider_entry(void *arg, const char *name, const char *text, int line)
{
	(void)text;
	(void)line;
	consider(arg, name);
}

const char *
names_nearest(const struct names *names, const char *name, bool or_set)
{
	static struct buf result = BUF_INIT;
	struct nearest	  n = { .name = name, .best = BUF_INIT };

	n.limit = names_slack(name);
	consider_declared(&n);
	consider_transports(&n, names);
	consider_table_params(&n, names);
	if (or_set)
		conf_each(consider_entry, &n);
	buf_done(&result);
	result = n.best;
	return result.len > 0 ? result.data : NULL;
}
