#include "conf/audit.h"

#include <errno.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/deprecated.h"
#include "conf/lines.h"
#include "conf/master_cf.h"
#include "conf/names.h"
#include "conf/table_params.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum { FILE_MAX = 1024 * 1024 };	/* bytes of a table's settings */

struct audit {
	const struct names	*names;
	finding_fn		*report;
	void			*arg;
	char			*file;		/* that is looked through */
	const struct service_table *services;
	const struct service	*service;	/* or NULL: main.cf */
	int			 line;
};

/* Starts on another file. */
static void
begin_file(struct audit *a, char *file)
{
	mem_free(a->file);
	a->file = file;
	a->line = 0;
}

static void
found(const struct audit *a, enum finding_kind kind, const char *name,
    const char *text)
{
	struct finding f = {
		.kind = kind, .file = a->file, .line = a->line,
		.name = name, .text = text,
	};

	if (kind == FINDING_UNUSED || kind == FINDING_UNDEFINED)
		f.nearest = names_nearest(a->names, name,
		    kind == FINDING_UNDEFINED);
	a->report(a->arg, &f);
}

/* --- what is referred to */

static bool
option_sets(const struct service *s, const char *name)
{
	const char *option;
	size_t	    len = strlen(name);

	for (int i = 0; s != NULL && (option = service_option(s, &i)) != NULL;)
		if (strncmp(option, name, len) == 0 && option[len] == '=')
			return true;
	return false;
}

/* A value of main.cf may lean on what options set: it depends on the service
 * whether that makes sense. */
static bool
is_set_by_option(const struct audit *a, const char *name)
{
	bool is = false;

	if (a->service != NULL)
		return option_sets(a->service, name);
	for (size_t i = 0; i < a->services->count; i++)
		is = is || option_sets(&a->services->services[i], name);
	return is;
}

static void
check_reference(void *arg, const char *name)
{
	struct audit *a = arg;

	if (!names_known(a->names, name) && !conf_is_set(name) &&
	    !is_set_by_option(a, name))
		found(a, FINDING_UNDEFINED, name, "");
}

static void
check_references(struct audit *a, const char *name, const char *text)
{
	const struct param *p = param_find(name);
	const char	   *why;

	if (p != NULL && p->type == PARAM_RAW)
		return;
	if (!conf_visit_names(text, check_reference, a, &why))
		found(a, FINDING_SYNTAX, name, why);
}

/* Each class has its restrictions under its own name. */
static void
check_classes(struct audit *a, const char *text)
{
	char *copy = mem_strdup(text), *rest = copy, *word;

	while ((word = text_word(&rest, TEXT_LIST_SEP, false)) != NULL)
		if (*word != '$')
			check_reference(a, word);
	mem_free(copy);
}

static void
check_entry_references(void *arg, const char *name, const char *text, int line)
{
	struct audit *a = arg;

	a->line = line;
	check_references(a, name, text);
	if (text_eq(name, "smtpd_restriction_classes"))
		check_classes(a, text);
}

/* Calls for each assignment in the -o options of all services. */
static void
each_option(struct audit *a,
    void (*check)(struct audit *, const char *name, const char *text))
{
	const struct service *s;
	const char	     *option, *equals;
	char		     *name;

	begin_file(a, mem_printf("%s/master.cf", conf_dir()));
	for (size_t k = 0; k < a->services->count; k++) {
		a->service = s = &a->services->services[k];
		a->line = s->line;
		for (int i = 0; (option = service_option(s, &i)) != NULL;) {
			if ((equals = strchr(option, '=')) == NULL)
				continue;
			name = mem_strndup(option, (size_t)(equals - option));
			check(a, name, equals + 1);
			mem_free(name);
		}
	}
	a->service = NULL;
}

/* --- names */

/* Names of an option count for its own service, and where options refer to
 * names of main.cf. */
static bool
option_refers(const struct service *s, const char *name)
{
	static const char classes[] = "smtpd_restriction_classes=";
	struct names	  refers = { .referenced = map_new() };
	const char	 *option;
	bool		  yes = false;

	for (int i = 0; (option = service_option(s, &i)) != NULL;) {
		if (strchr(option, '$') != NULL)
			names_scan(&refers, option);
		yes = yes || (text_starts(option, classes) &&
		    text_has_word(option + sizeof classes - 1, name));
	}
	yes = yes || names_referenced(&refers, name);
	map_free(refers.referenced, NULL);
	return yes;
}

bool
audit_options_refer(const struct service_table *services, const char *name)
{
	for (size_t i = 0; i < services->count; i++)
		if (!option_sets(&services->services[i], name) &&
		    option_refers(&services->services[i], name))
			return true;
	return false;
}

static bool
is_referenced(const struct audit *a, const char *name)
{
	return names_referenced(a->names, name) || (a->service != NULL ?
	    option_refers(a->service, name) :
	    audit_options_refer(a->services, name));
}

static void
check_name(struct audit *a, const char *name, const char *text)
{
	const char *instead = deprecated_instead(name);

	if (instead != NULL)
		found(a, FINDING_OLD, name, instead);
	else if (!names_known(a->names, name) && !is_referenced(a, name))
		found(a, FINDING_UNUSED, name, text);
}

static void
check_entry_name(void *arg, const char *name, const char *text, int line)
{
	struct audit *a = arg;

	a->line = line;
	check_name(a, name, text);
}

static void
check_option_name(struct audit *a, const char *name, const char *text)
{
	/* One with a space in it has had its warning. */
	if (strpbrk(name, " \t") == NULL)
		check_name(a, name, text);
}

/* --- tables */

static void
check_table_line(struct audit *a, const struct table_params *type, char *line)
{
	char	      *name, *value;
	struct finding f = { .file = a->file, .line = a->line };

	f.text = lines_split(line, &name, &value);
	if (f.text != NULL) {
		f.kind = FINDING_BAD_LINE;
		f.name = line;
	} else if (!table_params_has(type, name)) {
		f.kind = FINDING_UNUSED;
		f.name = name;
		f.text = value;
		f.nearest = table_params_nearest(type, name);
	} else {
		return;
	}
	a->report(a->arg, &f);
}

static void
check_table(struct audit *a, const struct table_params *type)
{
	struct buf   content = BUF_INIT, line = BUF_INIT;
	struct lines l;
	const char  *path = strchr(a->file, ':') + 1;

	if (!file_read(path, FILE_MAX, &content)) {
		found(a, FINDING_NO_FILE, type->type, strerror(errno));
	} else {
		lines_init(&l, content.data, content.len);
		while (lines_next(&l, &line)) {
			a->line = l.first;
			check_table_line(a, type, line.data);
		}
	}
	buf_done(&content);
	buf_done(&line);
}

/* --- all of it */

static void
in_main_cf(struct audit *a,
    void (*check)(void *, const char *name, const char *text, int line))
{
	begin_file(a, mem_printf("%s/main.cf", conf_dir()));
	conf_each(check, a);
}

void
audit_references(const struct names *names,
    const struct service_table *services, finding_fn *report, void *arg)
{
	struct audit a = {
		.names = names, .services = services, .report = report,
		.arg = arg,
	};

	each_option(&a, check_references);
	in_main_cf(&a, check_entry_references);
	begin_file(&a, NULL);
}

void
audit_names(const struct names *names, const struct service_table *services,
    finding_fn *report, void *arg)
{
	struct audit a = {
		.names = names, .services = services, .report = report,
		.arg = arg,
	};
	const struct map_entry *m;

	in_main_cf(&a, check_entry_name);
	each_option(&a, check_option_name);
	for (size_t i = 0; i < map_count(names->tables); i++) {
		m = map_at(names->tables, i);
		begin_file(&a, mem_strdup(m->key));
		check_table(&a, m->value);
	}
	begin_file(&a, NULL);
}
