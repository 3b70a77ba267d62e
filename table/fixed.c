/* Types without content of their own: static: fail: environ: internal:. */

#include <stdlib.h>
#include <string.h>

#include "table/rhs_file.h"
#include "table/table_type.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

static bool
close_state(struct table *t, bool publish)
{
	(void)publish;
	mem_free(t->state);
	return true;
}

static bool
set_static(struct table *t, const char *text)
{
	struct buf room = BUF_INIT, why = BUF_INIT;
	char	  *copy = mem_strdup(text);
	char	  *value = rhs_file_value(t, copy, &room, &why);

	if (value != NULL)
		t->state = mem_strdup(value);
	else
		table_fail(t, "%s", why.data);
	buf_done(&room);
	buf_done(&why);
	mem_free(copy);
	return value != NULL;
}

static bool
open_static(struct table *t)
{
	const char *wrong;
	char	   *copy, *text;
	bool	    ok;

	if (t->name[0] != '{')
		return set_static(t, t->name);
	copy = mem_strdup(t->name);
	wrong = table_unbrace(copy, &text);
	ok = wrong == NULL ? set_static(t, text) : table_fail(t,
	    "bad static:name syntax: %s in \"%s\"", wrong, t->name);
	mem_free(copy);
	return ok;
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
remove_nothing(struct table *t, const char *key)
{
	(void)t;
	(void)key;
	return TABLE_NOT_FOUND;
}

static enum table_result
fail_remove(struct table *t, const char *key)
{
	(void)key;
	return table_fail_find(t, "Application error");
}

static enum table_result
fail_sequence(struct table *t, bool first, struct buf *ret_key,
    struct buf *ret_value)
{
	(void)first;
	(void)ret_key;
	(void)ret_value;
	return table_fail_find(t, "sequence error: Application error");
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

static enum table_result
sequence_nothing(struct table *t, bool first, struct buf *ret_key,
    struct buf *ret_value)
{
	(void)t;
	(void)first;
	(void)ret_key;
	(void)ret_value;
	return TABLE_NOT_FOUND;
}

const struct table_type table_type_static = {
	.name = "static",
	.traits = TYPE_PATTERN | TYPE_SIMPLE | TYPE_LAX,
	.open = open_static,
	.close = close_state,
	.find = find_static,
};

const struct table_type table_type_fail = {
	.name = "fail",
	.traits = TYPE_PATTERN | TYPE_SIMPLE | TYPE_LAX,
	.open = open_nothing,
	.find = find_fail,
	.remove = fail_remove,
	.sequence = fail_sequence,
};

const struct table_type table_type_environ = {
	.name = "environ",
	.traits = TYPE_SIMPLE | TYPE_LAX,
	.open = open_nothing,
	.find = find_environ,
};

const struct table_type table_type_internal = {
	.name = "internal",
	.traits = TYPE_SIMPLE | TYPE_LAX,
	.open = open_nothing,
	.find = find_nothing,
	.remove = remove_nothing,
	.sequence = sequence_nothing,
};
