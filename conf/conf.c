/*
 * main.cf as text: reading it, overrides, and the text of one name.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "conf/computed.h"
#include "conf/conf.h"
#include "conf/entries.h"
#include "conf/level.h"
#include "conf/lines.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

static const char DEFAULT_DIR[] = "/etc/postfix";

enum { FILE_MAX = 16 * 1024 * 1024 };

/* What is set, by name.  Most names are of rows: these are found without
 * looking there. */
static struct map   *entries;
static struct entry *row_entries[PARAM_COUNT];

/* conf_value()'s results: of rows, and of names that the administrator made. */
static void	    *row_values[PARAM_COUNT];
static struct map   *values;

static char	 *dir;
static bool	  brief;
static struct buf notes = BUF_INIT;	/* for conf_warn_read(), by line */

void
conf_set_dir(const char *path)
{
	mem_free(dir);
	dir = mem_strdup(path);
	setenv("MAIL_CONFIG", dir, 1);
}

const char *
conf_dir(void)
{
	const char *path;

	if (dir == NULL) {
		path = getenv("MAIL_CONFIG");
		dir = mem_strdup(path != NULL && *path != '\0' ? path :
		    DEFAULT_DIR);
	}
	return dir;
}

void
conf_set_brief(bool on)
{
	brief = on;
}

bool
conf_fail(const char **ret_why, const char *write, const char *fmt, ...)
{
	static struct buf message = BUF_INIT;
	struct buf	  text = BUF_INIT;
	va_list		  ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	if (write != NULL && !brief)
		buf_addf(&text, "; %s", write);
	buf_done(&message);	/* only now: it may be among the arguments */
	message = text;
	*ret_why = message.data;
	return false;
}

void
conf_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&notes, fmt, ap);
	va_end(ap);
	buf_addc(&notes, '\n');
}

/* compatibility_level itself is one, whatever else is compared. */
static bool
has_level(void)
{
	const char *text = conf_value("compatibility_level");
	long	    level;

	return text != NULL && level_parse(text, &level);
}

bool
conf_fail_macro(const char **ret_why, const char *name, const char *why)
{
	struct buf where = BUF_INIT;

	if (!brief) {
		conf_fail(ret_why, entry_where(name, &where), "%s: %s", name,
		    why);
		buf_done(&where);
	} else if (text_starts(why, "malformed compatibility level") &&
	    !has_level()) {
		conf_fail(ret_why, NULL, "%s", why);
	} else {
		/* Postfix says it in two lines. */
		conf_note("%s", why);
		conf_fail(ret_why, NULL, "dictionary mail_dict: macro "
		    "processing error");
	}
	return false;
}

static struct entry *
make_entry(const char *name)
{
	const struct param *p;
	struct map_entry   *slot;

	if (entries == NULL)
		entries = map_new();
	slot = map_slot(entries, name, strlen(name));
	if (slot->value == NULL) {
		slot->value = NEW(struct entry);
		if ((p = param_find(name)) != NULL)
			row_entries[p - param_rows] = slot->value;
	}
	return slot->value;
}

static struct entry *
if_set(struct entry *e)
{
	return e == NULL || (e->text == NULL && e->override == NULL) ? NULL : e;
}

struct entry *
entry_of(const struct param *p)
{
	return if_set(row_entries[p - param_rows]);
}

struct entry *
entry_find(const char *name)
{
	const struct param *p = param_find(name);

	if (p != NULL)
		return entry_of(p);
	return entries != NULL ? if_set(map_find(entries, name)) : NULL;
}

const char *
entry_where(const char *name, struct buf *out)
{
	const struct entry *e = entry_find(name);

	buf_clear(out);
	if (e == NULL)
		buf_adds(out, "default");
	else if (e->override != NULL)
		buf_adds(out, "option -o");
	else
		buf_addf(out, "%s/main.cf, line %d", conf_dir(), e->line);
	return out->data;
}

static void
forget_values(void)
{
	for (size_t i = 0; i < PARAM_COUNT; i++) {
		mem_free(row_values[i]);
		row_values[i] = NULL;
	}
	map_free(values, mem_free);
	values = NULL;
	computed_forget();
}

/* Drops what came from main.cf, keeps overrides. */
static void
forget_entries(void)
{
	struct entry *e;

	for (size_t i = 0; entries != NULL && i < map_count(entries); i++) {
		e = map_at(entries, i)->value;
		mem_free(e->text);
		e->text = NULL;
		e->line = 0;
	}
	buf_clear(&notes);
	forget_values();
}

static bool
add_line(const char *path, const struct lines *l, char *text,
    const char **ret_why)
{
	char	     *name, *value;
	char	     *whole = mem_strdup(text);
	const char   *wrong = lines_split(text, &name, &value);
	struct entry *e;

	if (wrong != NULL) {
		conf_fail(ret_why, "write \"name = value\"",
		    "%s, line %d: %s: \"%s\"", path, l->first, wrong,
		    text_trim(whole));
		mem_free(whole);
		return false;
	}
	mem_free(whole);
	e = make_entry(name);
	if (e->text != NULL && strcmp(e->text, value) != 0)
		conf_note("%s, line %d: overriding earlier entry: %s=%s", path,
		    l->first, name, e->text);
	mem_free(e->text);
	e->text = mem_strdup(value);
	e->line = l->first;
	return true;
}

static bool
parse(const char *path, const struct buf *content, const char **ret_why)
{
	struct lines l;
	struct buf   line = BUF_INIT;
	bool	     ok = true;

	if (memchr(content->data, '\0', content->len) != NULL)
		return conf_fail(ret_why, "remove them",
		    "%s: the file has NUL bytes in it", path);
	lines_init(&l, content->data, content->len);
	while (ok && lines_next(&l, &line)) {
		if (l.indented)
			conf_note("%s: logical line must not start with "
			    "whitespace: \"%s\"", path, line.data);
		else
			ok = add_line(path, &l, line.data, ret_why);
	}
	buf_done(&line);
	return ok;
}

/* Another directory than the usual counts as set in main.cf. */
static void
note_dir(void)
{
	struct entry *e;

	if (text_eq(conf_dir(), DEFAULT_DIR))
		return;
	e = make_entry("config_directory");
	mem_free(e->text);
	e->text = mem_strdup(conf_dir());
	e->line = 0;
}

bool
conf_read(const char **ret_why)
{
	char	  *path = mem_printf("%s/main.cf", conf_dir());
	struct buf content = BUF_INIT;
	bool	   ok;

	forget_entries();
	if (file_read(path, FILE_MAX, &content))
		ok = parse(path, &content, ret_why);
	else
		ok = conf_fail(ret_why, NULL, "open %s: %s", path,
		    strerror(errno));
	note_dir();
	buf_done(&content);
	mem_free(path);
	return ok;
}

void
conf_warn_read(void)
{
	char *rest = notes.data, *line;

	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0')
		log_warn("%s", line);
	buf_clear(&notes);
}

bool
conf_override(const char *assignment, const char **ret_why)
{
	char	     *copy = mem_strdup(assignment), *name, *value;
	const char   *wrong;
	struct entry *e;
	size_t	      len;

	/* -o { name = value } comes with its braces from a command line. */
	name = text_trim(copy);
	len = strlen(name);
	if (len >= 2 && name[0] == '{' && name[len - 1] == '}') {
		name[len - 1] = '\0';
		name++;
	}
	wrong = lines_split(name, &name, &value);
	if (wrong != NULL) {
		mem_free(copy);
		return conf_fail(ret_why, "write \"name=value\"",
		    "invalid parameter override: %s: %s", assignment, wrong);
	}
	e = make_entry(name);
	mem_free(e->override);
	e->override = mem_strdup(value);
	forget_values();
	mem_free(copy);
	return true;
}

/* `p` is the name's row or NULL. */
static const char *
raw_text(const struct param *p, const char *name)
{
	const struct entry *e = p != NULL ? entry_of(p) : entry_find(name);

	if (e != NULL)
		return e->override != NULL ? e->override : e->text;
	return p != NULL ? param_default(p) : NULL;
}

const char *
conf_text(const char *name)
{
	return raw_text(param_find(name), name);
}

const char *
param_default(const struct param *p)
{
	if (p->flags & COMPUTED)
		return computed_default(param_name(p));
	return param_def(p);
}

/* Where the expanded value is kept; until the next call. */
static void **
kept_value(const struct param *p, const char *name)
{
	if (p != NULL)
		return &row_values[p - param_rows];
	if (values == NULL)
		values = map_new();
	return &map_slot(values, name, strlen(name))->value;
}

const char *
entry_value(const struct param *p, const char *name, const char *text,
    const char **ret_why)
{
	struct buf value = BUF_INIT;
	void	 **kept;

	if (strchr(text, '$') == NULL)
		return text;
	if (*(kept = kept_value(p, name)) != NULL)
		return *kept;
	if (!conf_expand(&value, text, NULL, NULL, ret_why)) {
		buf_done(&value);
		return NULL;
	}
	/* Others may have been expanded on the way: look again. */
	kept = kept_value(p, name);
	*kept = buf_take(&value);
	return *kept;
}

const char *
conf_value(const char *name)
{
	const struct param *p = param_find(name);
	const char	   *text = raw_text(p, name), *value, *why;

	if (text == NULL)
		return NULL;
	value = entry_value(p, name, text, &why);
	return value != NULL ? value : "";
}

bool
conf_is_set(const char *name)
{
	return entry_find(name) != NULL;
}

void
conf_each(void (*visit)(void *, const char *, const char *, int), void *arg)
{
	struct map_entry *m;
	struct entry	 *e;

	for (size_t i = 0; entries != NULL && i < map_count(entries); i++) {
		m = map_at(entries, i);
		e = m->value;
		if (e->override != NULL)
			visit(arg, m->key, e->override, 0);
		else if (e->text != NULL)
			visit(arg, m->key, e->text, e->line);
	}
}
