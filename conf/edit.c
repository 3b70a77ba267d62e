#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/edit.h"
#include "conf/entries.h"
#include "conf/lines.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/map.h"
#include "util/mem.h"

/* One physical line at *p, with its newline; *p moves behind it. */
static struct str
physical_line(const char **p, const char *end)
{
	const char *from = *p, *nl = memchr(from, '\n', (size_t)(end - from));

	*p = nl != NULL ? nl + 1 : end;
	return (struct str){ from, (size_t)(*p - from) };
}

static bool
is_comment(struct str line)
{
	size_t i = 0;

	while (i < line.n && strchr(" \t\r\n\v\f", line.p[i]) != NULL)
		i++;
	return i == line.n || line.p[i] == '#';
}

void
edit_comment_out(struct buf *out, const char *text, const char *end)
{
	struct str line;

	while (text < end) {
		line = physical_line(&text, end);
		if (!is_comment(line))
			buf_addc(out, '#');
		buf_add(out, line.p, line.n);
	}
}

void
edit_keep_comments(struct buf *out, const char *text, const char *end)
{
	struct str line;

	while (text < end) {
		line = physical_line(&text, end);
		if (is_comment(line))
			buf_add(out, line.p, line.n);
	}
}

static void
end_line(struct buf *out)
{
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
}

static void
change(const struct lines *l, struct buf *out, enum edit_how how,
    const char *name, const char *value)
{
	switch (how) {
	case EDIT_SET:
		buf_addf(out, "%s = %s\n", name, value);
		edit_keep_comments(out, l->from, l->to);
		break;
	case EDIT_COMMENT:
		edit_comment_out(out, l->from, l->to);
		break;
	case EDIT_REMOVE:
		edit_keep_comments(out, l->from, l->to);
		break;
	}
}

/* The names of the map that are not among `seen`. */
static void
append_new(struct buf *out, const struct map *names, const struct map *seen)
{
	const struct map_entry *m;

	for (size_t i = 0; i < map_count(names); i++) {
		m = map_at(names, i);
		if (map_find(seen, m->key) != NULL)
			continue;
		end_line(out);
		buf_addf(out, "%s = %s\n", m->key, (const char *)m->value);
	}
}

bool
edit_main_cf(const struct buf *old, struct buf *ret, enum edit_how how,
    const struct map *names, void (*report_double)(const char *),
    const char **ret_why)
{
	struct map     *seen = map_new();
	struct buf	line = BUF_INIT, out = BUF_INIT;
	struct lines	l;
	enum line_kind	kind;
	char	       *name, *value;
	const char     *wrong = NULL, *chosen;

	lines_init(&l, old->data, old->len);
	while (wrong == NULL &&
	    (kind = lines_next_any(&l, &line)) != LINE_END) {
		if (kind == LINE_TEXT && !l.indented)
			wrong = lines_split(line.data, &name, &value);
		if (wrong != NULL)
			break;
		chosen = kind == LINE_TEXT && !l.indented ?
		    map_find(names, name) : NULL;
		if (chosen == NULL) {
			buf_add(&out, l.from, (size_t)(l.to - l.from));
			continue;
		}
		if (map_set(seen, name, &l) != NULL && report_double != NULL)
			report_double(name);
		change(&l, &out, how, name, chosen);
	}
	if (wrong != NULL)
		conf_fail(ret_why, "write \"name = value\"",
		    "line %d: %s: \"%s\"", l.first, wrong, line.data);
	else if (how == EDIT_SET)
		append_new(&out, names, seen);
	if (wrong == NULL) {
		buf_done(ret);
		*ret = out;
	} else {
		buf_done(&out);
	}
	buf_done(&line);
	map_free(seen, NULL);
	return wrong == NULL;
}

bool
edit_may_write(const char *path)
{
	char	   *real = realpath(path, NULL);
	const char *name = real != NULL ? real : path;
	const char *slash = strrchr(name, '/');
	char	   *dir = slash != NULL && slash > name ?
	    mem_strndup(name, (size_t)(slash - name)) :
	    mem_strdup(slash != NULL ? "/" : ".");
	bool	    ok = access(dir, W_OK | X_OK) == 0;

	mem_free(dir);
	free(real);
	return ok;
}

bool
edit_write(const char *path, const struct buf *content, const char **ret_why)
{
	struct file_replace r;
	char		   *real = realpath(path, NULL);
	bool		    ok = false;

	if (file_replace_begin(&r, real != NULL ? real : path, 0644) >= 0) {
		ok = file_write_all(r.fd, content->data, content->len);
		if (ok)
			ok = file_replace_end(&r);
		else
			file_replace_cancel(&r);
	}
	if (!ok)
		conf_fail(ret_why, NULL, "write %s: %s", path,
		    strerror(errno));
	free(real);
	return ok;
}
