/*
 * What depends on knowing all names: compatibility levels, and warnings for
 * names that nothing uses.
 */

#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/entries.h"
#include "conf/level.h"
#include "conf/names.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/map.h"
#include "util/text.h"

enum { NEAR = 3 };	/* edits that may separate a name from its typo */

bool
conf_compat_at_least(const char *level)
{
	const char *set = conf_value("compatibility_level");
	long	    have, want;

	if (set == NULL || !level_parse(set, &have))
		have = 0;
	return level_parse(level, &want) && have >= want;
}

void
conf_log_compat(const char *name, const char *level, const char *detail)
{
	if (conf_is_set(name) || conf_compat_at_least(level))
		return;
	log_info("using backwards-compatible default setting %s=%s%s%s", name,
	    conf_value(name), detail != NULL ? " " : "",
	    detail != NULL ? detail : "");
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
	const char *now, *why;

	if (strstr(p->def, "$compatibility_level") == NULL ||
	    conf_is_set(p->name) ||
	    !conf_expand(&newest, p->def, get_newest, NULL, &why))
		return;
	now = conf_value(p->name);
	if (!text_eq(now, newest.data))
		log_info("using backwards-compatible default setting %s=%s",
		    p->name, now);
	buf_done(&newest);
}

static void
log_old_defaults(void)
{
	const struct param *p;

	for (int i = 0; param_areas[i] != NULL; i++)
		for (p = param_areas[i]->params; p->name != NULL; p++)
			log_if_old(p);
}

/* The known name that differs least; NULL if none is near. */
const char *
names_nearest(const char *name)
{
	const struct param *p;
	const char	   *best = NULL;
	int		    limit = NEAR, distance;

	if (strlen(name) < 2 * NEAR)
		limit = 1;
	for (int i = 0; param_areas[i] != NULL; i++)
		for (p = param_areas[i]->params; p->name != NULL; p++) {
			distance = text_distance(name, p->name, limit);
			if (distance > limit)
				continue;
			best = p->name;
			limit = distance - 1;
			if (limit < 0)
				return best;
		}
	return best;
}

struct unknown {
	void		(*report)(void *, const char *, const char *, int);
	void		*arg;
	struct names	 names;
};

static void
check_name(void *arg, const char *name, const char *text, int line)
{
	struct unknown *u = arg;

	(void)text;
	if (line > 0 && !names_known(&u->names, name) &&
	    !names_referenced(&u->names, name))
		u->report(u->arg, name, names_nearest(name), line);
}

void
conf_unknown(void (*report)(void *, const char *, const char *, int),
    void *arg)
{
	struct unknown u = { .report = report, .arg = arg };

	names_init(&u.names);
	conf_each(check_name, &u);
	names_done(&u.names);
}

static void
warn_unknown(void *arg, const char *name, const char *nearest, int line)
{
	(void)arg;
	if (nearest != NULL)
		log_warn("%s/main.cf, line %d: unused parameter: %s: did you "
		    "mean \"%s\"?", conf_dir(), line, name, nearest);
	else
		log_warn("%s/main.cf, line %d: unused parameter: %s: no "
		    "program reads it", conf_dir(), line, name);
}

void
conf_warn_unknown(void)
{
	conf_warn_read();
	conf_unknown(warn_unknown, NULL);
	log_old_defaults();
}
