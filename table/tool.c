#include "table/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "table/table.h"
#include "table/table_type.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/text.h"

struct tool_session {
	const struct table_tool	*tool;
	struct table		**tables;
	struct buf		 value, line;
};

static void
print_json(struct tool_session *s, const char *key)
{
	buf_clear(&s->line);
	buf_addc(&s->line, '{');
	text_json(&s->line, key, strlen(key));
	buf_adds(&s->line, ": ");
	text_json(&s->line, s->value.data, s->value.len);
	buf_adds(&s->line, "}\n");
	fwrite(s->line.data, 1, s->line.len, s->tool->out);
}

/* As Postfix names a table here: by its file, where that has a name of its
 * own. */
static const char *
shown_name(const struct table *t)
{
	static struct buf name = BUF_INIT;

	if (t->path == NULL || (t->type != &table_type_hash &&
	    t->type != &table_type_btree))
		return table_name(t);
	buf_clear(&name);
	buf_addf(&name, "%s:%s", t->type->name, t->path);
	return name.data;
}

/* `key` NULL: only the value is printed. */
static void
print_entry(struct tool_session *s, const char *key, const char *json_key)
{
	FILE *out = s->tool->out;

	if (s->tool->json) {
		print_json(s, json_key);
		return;
	}
	if (key != NULL)
		fprintf(out, "%s%s", key, s->tool->separator);
	fwrite(s->value.data, 1, s->value.len, out);
	putc('\n', out);
}

struct tool_session *
tool_open(const struct table_tool *tool, struct buf *why)
{
	struct tool_session *s = NEW(struct tool_session);

	s->tool = tool;
	s->value = s->line = (struct buf)BUF_INIT;
	s->tables = mem_zalloc((size_t)tool->count * sizeof *s->tables);
	for (int i = 0; i < tool->count; i++) {
		s->tables[i] = table_open(tool->names[i], tool->flags);
		if (!table_is_broken(s->tables[i]))
			continue;
		buf_adds(why, table_error(s->tables[i]));
		tool_close(s);
		return NULL;
	}
	return s;
}

void
tool_close(struct tool_session *s)
{
	for (int i = 0; i < s->tool->count; i++)
		if (s->tables[i] != NULL)
			table_close(s->tables[i]);
	mem_free(s->tables);
	buf_done(&s->value);
	buf_done(&s->line);
	mem_free(s);
}

static bool
decode(struct tool_session *s, const struct table *t, const char *key)
{
	struct buf plain = BUF_INIT;

	if (!text_unbase64(&plain, s->value.data, s->value.len)) {
		log_warn("table %s: key %s: malformed BASE64 value: %.30s",
		    shown_name(t), key, s->value.data);
		buf_done(&plain);
		return false;
	}
	buf_done(&s->value);
	s->value = plain;
	return true;
}

static enum tool_result
look_up(struct tool_session *s, const char *key, bool show_key,
    struct buf *why)
{
	for (int i = 0; i < s->tool->count; i++) {
		struct table *t = s->tables[i];

		switch (table_find(t, key, &s->value)) {
		case TABLE_ERROR:
			buf_addf(why, "table %s: query error", shown_name(t));
			if (*table_error(t) != '\0')
				buf_addf(why, ": %s", table_error(t));
			return TOOL_ERROR;
		case TABLE_NOT_FOUND:
			continue;
		case TABLE_FOUND:
			break;
		}
		if (s->value.len == 0) {
			log_warn("table %s: key %s: empty string result is "
			    "not allowed", shown_name(t), key);
			log_warn("table %s should return NO RESULT in case "
			    "of NOT FOUND", shown_name(t));
		}
		if (s->tool->decode && !decode(s, t, key)) {
			buf_addf(why, "table %s: query error", shown_name(t));
			return TOOL_ERROR;
		}
		print_entry(s, show_key ? key : NULL, key);
		return TOOL_OK;
	}
	return TOOL_NONE;
}

enum tool_result
tool_ask(struct tool_session *s, const char *key, struct buf *why)
{
	return look_up(s, key, true, why);
}

enum tool_result
tool_find(const struct table_tool *tool, const char *key, struct buf *why)
{
	struct table_tool    one = *tool;
	struct tool_session *s;
	enum tool_result     r = TOOL_NONE;

	/* One after the other: a later table need not exist when an earlier
	 * one knows the key. */
	one.count = 1;
	for (int i = 0; r == TOOL_NONE && i < tool->count; i++) {
		one.names = tool->names + i;
		s = tool_open(&one, why);
		if (s == NULL)
			return TOOL_ERROR;
		r = look_up(s, key, false, why);
		tool_close(s);
	}
	return r;
}

static bool
is_proxied(const char *name)
{
	return text_starts(name, "proxy:");
}

enum tool_result
tool_list(const struct table_tool *tool, struct buf *why)
{
	struct table_tool    one = *tool;
	struct tool_session *s;
	struct table	    *t;
	struct buf	     key = BUF_INIT;
	enum table_result    r;

	/* Of several tables the first, as Postfix does. */
	one.count = 1;
	if (is_proxied(one.names[0])) {
		buf_adds(why, "can't sequence maps via the proxy service");
		return TOOL_ERROR;
	}
	s = tool_open(&one, why);
	if (s == NULL)
		return TOOL_ERROR;
	t = s->tables[0];
	r = table_sequence(t, true, &key, &s->value);
	while (r == TABLE_FOUND) {
		if (!tool->decode || decode(s, t, key.data))
			print_entry(s, key.data, key.data);
		r = table_sequence(t, false, &key, &s->value);
	}
	if (r == TABLE_ERROR)
		buf_addf(why, "table %s: %s", table_name(t), table_error(t));
	buf_done(&key);
	tool_close(s);
	return r == TABLE_ERROR ? TOOL_ERROR : TOOL_OK;
}

static enum tool_result
delete_keys(struct table *t, const char *key, FILE *in, struct buf *why)
{
	enum table_result r;
	bool		  any = false;
	char		 *line = NULL;
	size_t		  size = 0;
	ssize_t		  n;

	if (strcmp(key, "-") != 0) {
		r = table_delete(t, key);
		any = r == TABLE_FOUND;
	} else {
		r = TABLE_NOT_FOUND;
		while (r != TABLE_ERROR && (n = getline(&line, &size, in)) > 0) {
			if (line[n - 1] == '\n')
				line[n - 1] = '\0';
			r = table_delete(t, line);
			any = any || r == TABLE_FOUND;
		}
		free(line);
	}
	if (r == TABLE_ERROR) {
		buf_addf(why, text_starts(table_error(t), "delete ") ?
		    "table %s: %s" : "table %s: delete error: %s",
		    table_name(t), table_error(t));
		return TOOL_ERROR;
	}
	return any ? TOOL_OK : TOOL_NONE;
}

enum tool_result
tool_delete(const struct table_tool *tool, const char *key, FILE *in,
    struct buf *why)
{
	enum tool_result r, all = TOOL_NONE;
	struct table	*t;

	for (int i = 0; i < tool->count; i++) {
		if (i > 0 && in != NULL)
			rewind(in);
		t = table_open(tool->names[i],
		    tool->flags | TABLE_EDIT | TABLE_MUST_EXIST);
		if (table_is_broken(t)) {
			buf_adds(why, table_error(t));
			table_close(t);
			return TOOL_ERROR;
		}
		r = delete_keys(t, key, in, why);
		if (r != TOOL_OK) {
			table_abort(t);
		} else if (!table_close(t)) {
			buf_addf(why, "%s: write error: %s", tool->names[i],
			    strerror(errno));
			r = TOOL_ERROR;
		}
		if (r == TOOL_ERROR)
			return r;
		if (r == TOOL_OK)
			all = r;
	}
	return all;
}

/* --- making */

void
tool_take_names(struct table_tool *tool, char **names, int count)
{
	const char *type = NULL;

	tool->names = mem_alloc((size_t)count * sizeof *tool->names);
	tool->count = count;
	for (int i = 0; i < count; i++) {
		tool->names[i] = names[i];
		if (strchr(names[i], ':') != NULL)
			continue;
		if (type == NULL)
			type = conf_value("default_database_type");
		tool->names[i] = mem_printf("%s:%s", type, names[i]);
	}
}

void
tool_set_limits(void)
{
	long create, cache, reply;

	if (text_to_long(conf_value("berkeley_db_create_buffer_size"), 1,
	    INT32_MAX, &create) &&
	    text_to_long(conf_value("berkeley_db_read_buffer_size"), 1,
	    INT32_MAX, &cache))
		table_set_cache((size_t)create, (size_t)cache);
	if (text_to_long(conf_value("socketmap_max_reply_size"), 1,
	    INT32_MAX, &reply))
		table_set_reply_limit((size_t)reply);
}

/* Effective ids only: root again with be_root().  False with errno. */
static bool
be_owner(int fd)
{
	struct stat st;

	if (geteuid() != 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_uid == 0)
		return true;
	return proc_act_as(st.st_uid, st.st_gid);
}

static bool
be_root(void)
{
	return geteuid() == 0 || getuid() != 0 || proc_act_as_root();
}

static struct table *
open_for_writing(const struct table_tool *tool, const char *name,
    bool incremental, bool keep_mode, struct buf *why)
{
	int	      flags = tool->flags;
	struct table *t;
	char	     *type = mem_strndup(name, strcspn(name, ":"));
	bool	      can = table_can_create(type) ||
			  (incremental && table_can_update(type));

	if (table_type_find(type, strlen(type)) == NULL)
		buf_addf(why, "unsupported dictionary type: %s", type);
	else if (!can)
		buf_addf(why, "no 'map create' support for this type: %s",
		    type);
	mem_free(type);
	if (!can)
		return NULL;
	flags |= incremental ? TABLE_EDIT : TABLE_CREATE;
	if (keep_mode)
		flags |= TABLE_KEEP_MODE;
	t = table_open(name, flags);
	if (!table_is_broken(t))
		return t;
	buf_adds(why, table_error(t));
	table_close(t);
	return NULL;
}

struct table *
tool_build(const struct table_tool *tool, const char *name, bool incremental,
    bool keep_mode, bool keep_root, struct table_source **ret,
    const char **ret_source, struct buf *why)
{
	const char	    *path = strchr(name, ':') + 1, *reason;
	struct table_source *s;
	struct table	    *t;

	if (is_proxied(name)) {
		buf_adds(why, "can't create maps via the proxy service");
		return NULL;
	}
	if (incremental) {
		path = "stdin";
		s = table_source_fd(STDIN_FILENO, path);
	} else if ((s = table_source_open(path, &reason)) == NULL) {
		buf_addf(why, "open %s: %s", path, reason);
		return NULL;
	}
	if (!keep_root && !be_owner(table_source_fileno(s))) {
		buf_addf(why, "act as the owner of %s: %s", path,
		    strerror(errno));
		table_source_close(s);
		return NULL;
	}
	t = open_for_writing(tool, name, incremental, keep_mode, why);
	if (t == NULL) {
		table_source_close(s);
		return NULL;
	}
	if ((tool->flags & TABLE_UTF8) != 0)
		table_source_set_utf8(s);
	*ret = s;
	*ret_source = path;
	return t;
}

bool
tool_built(struct table *t, struct table_source *s, struct buf *why)
{
	char *name = mem_strdup(table_name(t));

	if (table_source_error(s) != NULL) {
		buf_adds(why, table_source_error(s));
		table_abort(t);
	} else if (!table_close(t)) {
		buf_addf(why, "%s: write error: %s", name, strerror(errno));
	}
	if (!be_root() && why->len == 0)
		buf_addf(why, "act as root again: %s", strerror(errno));
	mem_free(name);
	table_source_close(s);
	return why->len == 0;
}
