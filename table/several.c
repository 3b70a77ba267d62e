/* Types made of other tables: unionmap: pipemap:, and randmap:. */

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
		if (table_is_tolerated(s->members[i]))
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
