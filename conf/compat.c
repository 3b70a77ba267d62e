/*
 * What depends on knowing all names: compatibility levels, and warnings for
 * names that nothing uses.
 */

#include <string.h>

#include "conf/audit.h"
#include "conf/conf.h"
#include "conf/level.h"
#include "conf/master_cf.h"
#include "conf/names.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum { FILE_MAX = 16 * 1024 * 1024 };

bool
conf_compat_at_least(const char *level)
{
	const char *set = conf_value("compatibility_level");
	long	    have, want;

	if (set == NULL || !level_parse(set, &have))
		have = 0;
	return level_parse(level, &want) && have >= want;
}

/* All as it is, but the newest level. */
static const char *
get_newest(void *arg, const char *name)
{
	(void)arg;
	return text_eq(name, "compatibility_level") ? "99999" :
	    conf_text(name);
}

/* A default that would be another at the newest level. */
static void
log_if_old(const struct param *p)
{
	struct buf  newest = BUF_INIT;
	const char *name = param_name(p), *def = param_def(p), *now, *why;

	if (strstr(def, "$compatibility_level") == NULL ||
	    conf_is_set(name) ||
	    !conf_expand(&newest, def, get_newest, NULL, &why))
		return;
	now = conf_value(name);
	if (!text_eq(now, newest.data))
		log_info("using backwards-compatible default setting %s=%s",
		    name, now);
	buf_done(&newest);
}

static void
log_old_defaults(void)
{
	for (size_t i = 0; i < PARAM_COUNT; i++)
		log_if_old(&param_rows[i]);
}

static void
warn_of(void *arg, const struct finding *f)
{
	(void)arg;
	switch (f->kind) {
	case FINDING_UNUSED:
		if (f->nearest != NULL)
			log_warn("%s, line %d: unused parameter: %s: did you "
			    "mean \"%s\"?", f->file, f->line, f->name,
			    f->nearest);
		else
			log_warn("%s, line %d: unused parameter: %s: no "
			    "program reads it", f->file, f->line, f->name);
		break;
	case FINDING_OLD:
		log_warn("%s, line %d: support for parameter \"%s\" will be "
		    "removed; instead, %s", f->file, f->line, f->name,
		    f->text);
		break;
	case FINDING_NO_FILE:
		log_warn("open \"%s\" configuration \"%s\": %s", f->name,
		    strchr(f->file, ':') + 1, f->text);
		break;
	case FINDING_BAD_LINE:
		log_warn("%s, line %d: %s: \"%s\"", f->file, f->line, f->text,
		    f->name);
		break;
	case FINDING_UNDEFINED:
	case FINDING_SYNTAX:
		break;
	}
}

/* What is wrong with master.cf master says itself. */
static void
read_services(struct service_table *t)
{
	char	   *path = mem_printf("%s/master.cf", conf_dir());
	struct buf  content = BUF_INIT;
	const char *why;

	*t = (struct service_table){ .notes = BUF_INIT };
	if (file_read(path, FILE_MAX, &content))
		master_cf_parse_all(t, path, &content, &why);
	buf_done(&content);
	mem_free(path);
}

void
conf_warn_unknown(void)
{
	struct service_table services;
	struct names	     names;

	conf_warn_read();
	names_init(&names);
	read_services(&services);
	audit_names(&names, &services, warn_of, NULL);
	master_cf_done(&services);
	names_done(&names);
	log_old_defaults();
}
