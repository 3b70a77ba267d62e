#include "table/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/lines.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum { FILE_MAX = 1024 * 1024 };	/* bytes */

static bool
take_line(struct settings *s, char *line, int number)
{
	const char *why;
	char	   *name, *value, *old, *copy = mem_strdup(line);

	why = lines_split(line, &name, &value);
	if (why != NULL) {
		table_fail(s->table, "%s, line %d: %s: \"%s\"", s->file,
		    number, why, copy);
		mem_free(copy);
		return false;
	}
	mem_free(copy);
	old = map_set(s->texts, name, mem_strdup(value));
	if (old != NULL)
		log_warn("%s, line %d: overriding earlier entry: %s=%s",
		    s->file, number, name, old);
	mem_free(old);
	return true;
}

static bool
take_lines(struct settings *s, const struct buf *bytes)
{
	struct buf   line = BUF_INIT;
	struct lines lines;
	bool	     ok = true;

	lines_init(&lines, bytes->data, bytes->len);
	while (ok && lines_next(&lines, &line)) {
		if (lines.indented)
			log_warn("%s: logical line must not start with "
			    "whitespace: \"%.30s\"", s->file, line.data);
		else
			ok = take_line(s, line.data, lines.last);
	}
	buf_done(&line);
	return ok;
}

static bool
read_file(struct settings *s)
{
	struct buf    bytes = BUF_INIT;
	struct table *t = s->table;
	struct stat   st;
	bool	      ok;
	int	      error;

	mem_free(t->path);
	t->path = mem_strdup(s->file);
	memset(&t->stamp, 0, sizeof t->stamp);
	/* Before it is read: a change meanwhile shows later. */
	ok = stat(s->file, &st) == 0 && file_read(s->file, FILE_MAX, &bytes);
	error = errno;
	if (ok) {
		table_stamp_set(&t->stamp, &st);
		ok = take_lines(s, &bytes);
		error = EINVAL;
	} else {
		table_fail(t, "open %s: %s", s->file, strerror(error));
	}
	buf_done(&bytes);
	errno = error;
	return ok;
}

bool
settings_init(struct settings *s, struct table *t)
{
	int error;

	*s = (struct settings){ .table = t, .texts = map_new() };
	if (t->name[0] != '/' && t->name[0] != '.') {
		s->prefix = mem_strdup(t->name);
		return true;
	}
	s->file = mem_strdup(t->name);
	if (read_file(s))
		return true;
	error = errno;
	settings_done(s);
	errno = error;
	return false;
}

void
settings_done(struct settings *s)
{
	if (s->texts != NULL)
		map_free(s->texts, mem_free);
	mem_free(s->file);
	mem_free(s->prefix);
	*s = (struct settings){ 0 };
}

/* NULL if it is not set. */
static const char *
raw(struct settings *s, const char *name)
{
	const char *value;
	char	   *full;

	value = map_find(s->texts, name);
	if (value != NULL || s->file != NULL)
		return value;
	full = mem_printf("%s_%s", s->prefix, name);
	value = conf_value(full);
	mem_free(full);
	if (value == NULL)
		return NULL;
	map_set(s->texts, name, mem_strdup(value));
	return map_find(s->texts, name);
}

void
settings_fail(struct settings *s, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list	   ap;

	if (s->failed)
		return;
	s->failed = true;
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	if (s->file != NULL)
		table_fail(s->table, "%s: %s", s->file, text.data);
	else if (text_starts(text.data, "bad "))	/* names main.cf's name */
		table_fail(s->table, "%s", text.data);
	else
		table_fail(s->table, "%s: %s", s->table->full_name, text.data);
	buf_done(&text);
}

/* The setting as its file or main.cf has it. */
static const char *
name_of(const struct settings *s, const char *name)
{
	static struct buf full = BUF_INIT;

	if (s->file != NULL)
		return name;
	buf_clear(&full);
	buf_addf(&full, "%s_%s", s->prefix, name);
	return full.data;
}

bool
settings_has(struct settings *s, const char *name)
{
	return raw(s, name) != NULL;
}

const char *
settings_text(struct settings *s, const char *name, const char *def)
{
	const char *value = raw(s, name);

	return value != NULL ? value : def;
}

const char *
settings_need(struct settings *s, const char *name)
{
	const char *value = settings_text(s, name, "");

	if (*value == '\0')
		settings_fail(s, "bad string length 0 < 1: %s = ",
		    name_of(s, name));
	return value;
}

int
settings_int(struct settings *s, const char *name, int def, int min)
{
	const char *value = raw(s, name);
	long	    n;

	if (value == NULL)
		return def;
	if (text_to_long(value, min, INT_MAX, &n))
		return (int)n;
	settings_fail(s, "bad numerical configuration: %s = %s; write a whole "
	    "number from %d", name_of(s, name), value, min);
	return def;
}

int
settings_seconds(struct settings *s, const char *name, int def)
{
	const char *value = raw(s, name);
	int	    n;

	if (value == NULL)
		return def;
	if (conf_parse_time(value, 's', &n) && n >= 0)
		return n;
	settings_fail(s, "bad time: %s = %s; write 30, 30s, 5m, 1h ...",
	    name_of(s, name), value);
	return def;
}

bool
settings_bool(struct settings *s, const char *name, bool def)
{
	const char *value = raw(s, name);

	if (value == NULL)
		return def;
	if (text_eq_nocase(value, "yes"))
		return true;
	if (!text_eq_nocase(value, "no"))
		settings_fail(s, "bad boolean configuration: %s = %s; write "
		    "yes or no", name_of(s, name), value);
	return false;
}
