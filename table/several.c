/* Types made of other tables: unionmap: pipemap: proxy:, and randmap:. */

#include <string.h>
#include <sys/random.h>

#include "table/table_type.h"
#include "util/buf.h"
#include "util/mem.h"

struct several {
	char		 *copy, **words;
	size_t		  count;
	struct table	**members;	/* NULL for randmap */
};

static bool
close_several(struct table *t, bool publish)
{
	struct several *s = t->state;

	(void)publish;
	if (s->members != NULL)
		for (size_t i = 0; i < s->count; i++)
			table_close(s->members[i]);
	mem_free(s->members);
	mem_free(s->words);
	mem_free(s->copy);
	mem_free(s);
	return true;
}

static bool
open_words(struct table *t, const char *need)
{
	struct several *s = NEW(struct several);

	s->words = table_words(t->name, &s->copy);
	if (s->words == NULL) {
		mem_free(s);
		return table_fail(t, "bad syntax: \"%s\"; need \"%s:{%s}\"",
		    t->full_name, t->type->name, need);
	}
	while (s->words[s->count] != NULL)
		s->count++;
	t->state = s;
	return true;
}

static bool
open_members(struct table *t)
{
	struct several *s;

	if (!open_words(t, "type:name..."))
		return false;
	s = t->state;
	s->members = mem_zalloc(s->count * sizeof *s->members);
	for (size_t i = 0; i < s->count; i++) {
		if (strchr(s->words[i], ':') == NULL) {
			table_fail(t, "bad syntax: \"%s\"; need "
			    "\"%s:{type:name...}\"", t->full_name,
			    t->type->name);
			close_several(t, false);
			return false;
		}
		s->members[i] = table_open(s->words[i], t->flags);
		if (!table_is_broken(s->members[i]))
			continue;
		table_fail(t, "%s", table_error(s->members[i]));
		close_several(t, false);
		return false;
	}
	return true;
}

/* Every table is asked; what they find, with commas between. */
static enum table_result
find_union(struct table *t, const char *key, struct buf *ret)
{
	struct several	 *s = t->state;
	struct buf	  one = BUF_INIT;
	enum table_result r, all = TABLE_NOT_FOUND;

	for (size_t i = 0; i < s->count; i++) {
		r = table_find(s->members[i], key, &one);
		if (r == TABLE_ERROR) {
			all = table_fail_find(t, "%s",
			    table_error(s->members[i]));
			break;
		}
		if (r == TABLE_NOT_FOUND)
			continue;
		if (all == TABLE_FOUND)
			buf_addc(ret, ',');
		buf_add(ret, one.data, one.len);
		all = TABLE_FOUND;
	}
	buf_done(&one);
	return all;
}

/* What one table finds is the next one's key. */
static enum table_result
find_pipe(struct table *t, const char *key, struct buf *ret)
{
	struct several	 *s = t->state;
	struct buf	  step = BUF_INIT;
	enum table_result r = TABLE_NOT_FOUND;

	buf_adds(&step, key);
	for (size_t i = 0; i < s->count; i++) {
		r = table_find(s->members[i], step.data, ret);
		if (r == TABLE_ERROR)
			table_fail_find(t, "%s", table_error(s->members[i]));
		if (r != TABLE_FOUND)
			break;
		buf_set(&step, ret->data);
	}
	buf_done(&step);
	return r;
}

static bool
open_randmap(struct table *t)
{
	return open_words(t, "value...");
}

static enum table_result
find_random(struct table *t, const char *key, struct buf *ret)
{
	struct several *s = t->state;
	unsigned	n;

	(void)key;
	if (getrandom(&n, sizeof n, 0) != sizeof n)
		return table_fail_find(t, "no random numbers");
	buf_adds(ret, s->words[n % s->count]);
	return TABLE_FOUND;
}

/* Opened by this process itself: there is no server in between yet. */
static bool
open_proxy(struct table *t)
{
	struct table *inner = table_open(t->name, t->flags);

	if (table_is_broken(inner)) {
		table_fail(t, "%s", table_error(inner));
		table_close(inner);
		return false;
	}
	t->state = inner;
	return true;
}

static bool
close_proxy(struct table *t, bool publish)
{
	if (!publish && (t->flags & (TABLE_CREATE | TABLE_EDIT)) != 0) {
		table_abort(t->state);
		return true;
	}
	return table_close(t->state);
}

static enum table_result
find_proxy(struct table *t, const char *key, struct buf *ret)
{
	enum table_result r = table_find(t->state, key, ret);

	if (r == TABLE_ERROR)
		table_fail(t, "%s", table_error(t->state));
	return r;
}

static bool
put_proxy(struct table *t, const char *key, const char *value)
{
	return table_put(t->state, key, value) ||
	    table_fail(t, "%s", table_error(t->state));
}

static enum table_result
remove_proxy(struct table *t, const char *key)
{
	enum table_result r = table_delete(t->state, key);

	if (r == TABLE_ERROR)
		table_fail(t, "%s", table_error(t->state));
	return r;
}

static enum table_result
sequence_proxy(struct table *t, bool first, struct buf *ret_key,
    struct buf *ret_value)
{
	enum table_result r = table_sequence(t->state, first, ret_key,
	    ret_value);

	if (r == TABLE_ERROR)
		table_fail(t, "%s", table_error(t->state));
	return r;
}

const struct table_type table_type_unionmap = {
	.name = "unionmap",
	.traits = TYPE_FOLDS_ITSELF,
	.open = open_members,
	.close = close_several,
	.find = find_union,
};

const struct table_type table_type_pipemap = {
	.name = "pipemap",
	.traits = TYPE_FOLDS_ITSELF,
	.open = open_members,
	.close = close_several,
	.find = find_pipe,
};

const struct table_type table_type_randmap = {
	.name = "randmap",
	.traits = TYPE_PATTERN,
	.open = open_randmap,
	.close = close_several,
	.find = find_random,
};

const struct table_type table_type_proxy = {
	.name = "proxy",
	.traits = TYPE_FOLDS_ITSELF,
	.open = open_proxy,
	.close = close_proxy,
	.find = find_proxy,
	.put = put_proxy,
	.remove = remove_proxy,
	.sequence = sequence_proxy,
};
