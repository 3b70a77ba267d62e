/* Types without content of their own: static: fail: environ: internal: and
 * unix: (the system's password and group files). */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "table/table_type.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	ACCOUNT_BUF = 64 * 1024, /* bytes for one entry of passwd, group */
	ANSWER_MS = 1000,	/* how long an answer of unix: is good */
	ANSWER_MAX = 1000,	/* of them in memory */
};

static bool
close_state(struct table *t, bool publish)
{
	(void)publish;
	mem_free(t->state);
	return true;
}

static bool
open_static(struct table *t)
{
	size_t	    len = strlen(t->name);
	const char *end;
	char	   *copy;
	int	    depth = 0;

	if (t->name[0] != '{') {
		t->state = mem_strdup(t->name);
		return true;
	}
	for (end = t->name; *end != '\0'; end++)
		if (*end == '{')
			depth++;
		else if (*end == '}' && --depth == 0)
			break;
	if (*end == '\0')
		return table_fail(t, "bad static:name syntax: missing '}' in "
		    "\"%s\"", t->name);
	if (end[1] != '\0')
		return table_fail(t, "bad static:name syntax: syntax error "
		    "after '}' in \"%s\"", t->name);
	copy = mem_strndup(t->name + 1, len - 2);
	t->state = mem_strdup(text_trim(copy));
	mem_free(copy);
	return true;
}

static enum table_result
find_static(struct table *t, const char *key, struct buf *ret)
{
	(void)key;
	buf_adds(ret, t->state);
	return TABLE_FOUND;
}

static bool
open_nothing(struct table *t)
{
	(void)t;
	return true;
}

static enum table_result
find_fail(struct table *t, const char *key, struct buf *ret)
{
	(void)key;
	(void)ret;
	return table_fail_find(t, "Application error");
}

static enum table_result
find_environ(struct table *t, const char *key, struct buf *ret)
{
	const char *value = getenv(key);

	(void)t;
	if (value == NULL)
		return TABLE_NOT_FOUND;
	buf_adds(ret, value);
	return TABLE_FOUND;
}

static enum table_result
find_nothing(struct table *t, const char *key, struct buf *ret)
{
	(void)t;
	(void)key;
	(void)ret;
	return TABLE_NOT_FOUND;
}

struct answers {
	struct map	*found;		/* key -> value, "" if there is none */
	int64_t		 since_ms;
};

static bool
open_unix(struct table *t)
{
	struct answers *a;

	if (!text_eq(t->name, "passwd.byname") &&
	    !text_eq(t->name, "group.byname"))
		return table_fail(t, "unknown table: %s", t->full_name);
	a = NEW(struct answers);
	a->found = map_new();
	a->since_ms = clock_ms();
	t->state = a;
	return true;
}

static enum table_result
find_group(struct table *t, const char *key, struct buf *ret, char *room)
{
	struct group  entry, *g;
	int	      error = getgrnam_r(key, &entry, room, ACCOUNT_BUF, &g);
	const char   *sep = "";

	if (error != 0)
		return table_fail_find(t, "%s", strerror(error));
	if (g == NULL)
		return TABLE_NOT_FOUND;
	buf_addf(ret, "%s:%s:%ld:", g->gr_name, g->gr_passwd,
	    (long)g->gr_gid);
	for (char **member = g->gr_mem; *member != NULL; member++) {
		buf_addf(ret, "%s%s", sep, *member);
		sep = ",";
	}
	return TABLE_FOUND;
}

static enum table_result
find_user(struct table *t, const char *key, struct buf *ret, char *room)
{
	struct passwd entry, *p;
	int	      error = getpwnam_r(key, &entry, room, ACCOUNT_BUF, &p);

	if (error != 0)
		return table_fail_find(t, "%s", strerror(error));
	if (p == NULL)
		return TABLE_NOT_FOUND;
	buf_addf(ret, "%s:%s:%ld:%ld:%s:%s:%s", p->pw_name, p->pw_passwd,
	    (long)p->pw_uid, (long)p->pw_gid, p->pw_gecos, p->pw_dir,
	    p->pw_shell);
	return TABLE_FOUND;
}

static void
forget_answers(struct answers *a)
{
	map_free(a->found, mem_free);
	a->found = map_new();
	a->since_ms = clock_ms();
}

/* Every question costs the C library several system calls, or a daemon's
 * answer: an answer is good for a second, as other tables' are. */
static enum table_result
find_unix(struct table *t, const char *key, struct buf *ret)
{
	struct answers	 *a = t->state;
	struct map_entry *e;
	char		 *room;
	enum table_result r;

	if (clock_ms() - a->since_ms >= ANSWER_MS ||
	    map_count(a->found) >= ANSWER_MAX)
		forget_answers(a);
	e = map_slot(a->found, key, strlen(key));
	if (e->value == NULL) {
		room = mem_alloc(ACCOUNT_BUF);
		r = t->name[0] == 'p' ? find_user(t, key, ret, room) :
		    find_group(t, key, ret, room);
		mem_free(room);
		if (r == TABLE_ERROR)
			map_remove(a->found, key);
		else
			e->value = mem_strdup(ret->data);
		return r;
	}
	buf_adds(ret, e->value);
	return ret->len > 0 ? TABLE_FOUND : TABLE_NOT_FOUND;
}

static bool
close_unix(struct table *t, bool publish)
{
	struct answers *a = t->state;

	(void)publish;
	map_free(a->found, mem_free);
	mem_free(a);
	return true;
}

const struct table_type table_type_static = {
	.name = "static",
	.traits = TYPE_PATTERN,
	.open = open_static,
	.close = close_state,
	.find = find_static,
};

const struct table_type table_type_fail = {
	.name = "fail",
	.traits = TYPE_PATTERN,
	.open = open_nothing,
	.find = find_fail,
};

const struct table_type table_type_environ = {
	.name = "environ",
	.open = open_nothing,
	.find = find_environ,
};

const struct table_type table_type_internal = {
	.name = "internal",
	.open = open_nothing,
	.find = find_nothing,
};

const struct table_type table_type_unix = {
	.name = "unix",
	.open = open_unix,
	.close = close_unix,
	.find = find_unix,
};
