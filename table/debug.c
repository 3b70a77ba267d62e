/* debug:type:name, the table type:name with a log line for every use of it. */

#include <string.h>

#include "table/table_type.h"
#include "util/buf.h"
#include "util/log.h"

enum { SHOWN = 1000 };		/* bytes of a value in the log */

static bool
open_debug(struct table *t)
{
	struct table *inner;

	if (strchr(t->name, ':') == NULL)
		return table_fail(t, "bad syntax: \"%s\"; need "
		    "\"debug:type:name\"", t->full_name);
	inner = table_open(t->name, t->flags);
	if (table_is_broken(inner)) {
		log_info("%s: open: %s", t->full_name, table_error(inner));
		table_fail(t, "%s", table_error(inner));
		table_close(inner);
		return false;
	}
	log_info("%s: open: ok", t->full_name);
	t->state = inner;
	return true;
}

static bool
close_debug(struct table *t, bool publish)
{
	log_info("%s: close", t->full_name);
	if (!publish && (t->flags & (TABLE_CREATE | TABLE_EDIT)) != 0) {
		table_abort(t->state);
		return true;
	}
	return table_close(t->state);
}

/* One line of the log; the error becomes ours. */
static enum table_result
tell(struct table *t, const char *what, const char *key,
    enum table_result r, const char *value)
{
	if (r == TABLE_ERROR)
		table_fail(t, "%s", table_error(t->state));
	if (r == TABLE_FOUND)
		log_info("%s: %s: \"%s\" = \"%.*s\"", t->full_name, what, key,
		    SHOWN, value);
	else
		log_info("%s: %s: \"%s\": %s", t->full_name, what, key,
		    r == TABLE_NOT_FOUND ? "not found" : t->error.data);
	return r;
}

static enum table_result
find(struct table *t, const char *key, struct buf *ret)
{
	enum table_result r = table_find(t->state, key, ret);

	return tell(t, "lookup", key, r, ret->data);
}

static bool
put(struct table *t, const char *key, const char *value)
{
	enum table_result r = table_put(t->state, key, value) ? TABLE_FOUND :
	    TABLE_ERROR;

	return tell(t, "update", key, r, value) == TABLE_FOUND;
}

static enum table_result
remove_key(struct table *t, const char *key)
{
	return tell(t, "delete", key, table_delete(t->state, key), "");
}

static enum table_result
sequence(struct table *t, bool first, struct buf *ret_key,
    struct buf *ret_value)
{
	enum table_result r = table_sequence(t->state, first, ret_key,
	    ret_value);

	return tell(t, first ? "first" : "next", ret_key->data, r,
	    ret_value->data);
}

static bool
is_pattern(const struct table *t)
{
	return table_is_pattern(t->state);
}

const struct table_type table_type_debug = {
	.name = "debug",
	.traits = TYPE_FOLDS_ITSELF,
	.open = open_debug,
	.close = close_debug,
	.find = find,
	.put = put,
	.remove = remove_key,
	.sequence = sequence,
	.is_pattern = is_pattern,
};
