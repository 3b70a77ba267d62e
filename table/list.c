/* Several tables in order, as parameters name them. */

#include <string.h>
#include <strings.h>

#include "table/hit.h"
#include "table/table_type.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"

struct table_list {
	char		*title;
	struct table	**tables;
	size_t		 count;
	const struct table *hit;	/* had the last value */
	struct buf	 error;
};

struct table_list *
table_list_open(const char *title, const char *names, int flags)
{
	struct table_list *l = NEW(struct table_list);
	char		  *copy = mem_strdup(names), *p = copy, *word;

	l->title = mem_strdup(title);
	l->error = (struct buf)BUF_INIT;
	while ((word = table_next_word(&p)) != NULL) {
		l->tables = mem_realloc(l->tables,
		    (l->count + 1) * sizeof *l->tables);
		l->tables[l->count++] = table_open(word, flags);
	}
	mem_free(copy);
	return l;
}

void
table_list_close(struct table_list *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->count; i++)
		table_close(l->tables[i]);
	mem_free(l->tables);
	mem_free(l->title);
	buf_done(&l->error);
	mem_free(l);
}

bool
table_list_is_empty(const struct table_list *l)
{
	return l->count == 0;
}

const char *
table_list_title(const struct table_list *l)
{
	return l->title;
}

uid_t
table_list_owner(const struct table_list *l, const char **ret_name)
{
	const struct table *t = l->hit;

	*ret_name = t != NULL ? table_name(t) : "";
	return t != NULL && t->path != NULL ? t->stamp.owner : 0;
}

const char *
table_list_error(const struct table_list *l)
{
	return l->error.data;
}

/* An empty result would mean different things to different callers: the
 * table is wrong. */
static enum table_result
check_result(struct table_list *l, struct table *t, const char *key,
    enum table_result r, const struct buf *value)
{
	if (r == TABLE_ERROR) {
		buf_clear(&l->error);
		buf_addf(&l->error, "%s: %s", table_name(t), table_error(t));
		log_warn("%s lookup error for \"%.100s\"", table_name(t), key);
	} else if (r == TABLE_FOUND && value->len == 0) {
		buf_clear(&l->error);
		buf_addf(&l->error, "%s: empty string result is not allowed",
		    table_name(t));
		log_warn("%s lookup of %s returns an empty string result",
		    l->title, key);
		log_warn("%s should return NO RESULT in case of NOT FOUND",
		    l->title);
		r = TABLE_ERROR;
	}
	return r;
}

static enum table_result
find(struct table_list *l, const char *key, bool exact, struct buf *ret)
{
	enum table_result r;

	buf_clear(ret);
	if (*key == '\0')
		return TABLE_NOT_FOUND;
	for (size_t i = 0; i < l->count; i++) {
		struct table *t = l->tables[i];

		if (exact && table_is_pattern(t))
			continue;
		r = check_result(l, t, key, table_find(t, key, ret), ret);
		if (r == TABLE_FOUND) {
			table_tell_hit(l->title, table_name(t), key,
			    ret->data);
			l->hit = t;
		}
		if (r != TABLE_NOT_FOUND)
			return r;
	}
	return TABLE_NOT_FOUND;
}

enum table_result
table_list_find(struct table_list *l, const char *key, struct buf *ret)
{
	return find(l, key, false, ret);
}

enum table_result
table_list_find_exact(struct table_list *l, const char *key, struct buf *ret)
{
	return find(l, key, true, ret);
}

/* --- addresses */

/* In its external form, and as it is. */
static enum table_result
find_form(struct table_list *l, const struct table_address *a,
    const char *key, bool exact, struct buf *ret)
{
	struct buf	  quoted = BUF_INIT;
	enum table_result r = TABLE_NOT_FOUND;

	if (a->quote == NULL || !a->quote(&quoted, key))
		return find(l, key, exact, ret);
	r = find(l, quoted.data, exact, ret);
	buf_done(&quoted);
	return r == TABLE_NOT_FOUND && a->or_internal ?
	    find(l, key, exact, ret) : r;
}

static enum table_result
try_key(struct table_list *l, const struct table_address *a, struct buf *key,
    size_t user_len, const char *domain, struct buf *ret)
{
	buf_clear(key);
	buf_add(key, a->address, user_len);
	buf_adds(key, domain);
	return find_form(l, a, key->data, true, ret);
}

/* The keys after the full address, while nothing is found. */
static enum table_result
find_parts(struct table_list *l, const struct table_address *a,
    struct buf *ret, struct buf *ret_ext)
{
	const char	 *at = strrchr(a->address, '@');
	const char	 *domain = at != NULL ? at : "";
	size_t		  local_len = at != NULL ?
	    (size_t)(at - a->address) : strlen(a->address);
	const char	 *ext = a->extension == NULL ? NULL :
	    a->extension(a->address, local_len);
	size_t		  user_len = ext == NULL ? local_len :
	    (size_t)(ext - a->address);
	bool		  has_ext = ext != NULL;
	struct buf	  key = BUF_INIT;
	enum table_result r = TABLE_NOT_FOUND;

	if (has_ext)
		r = try_key(l, a, &key, user_len, domain, ret);
	if (r == TABLE_NOT_FOUND && at != NULL && a->is_local != NULL &&
	    a->is_local(a->arg, at + 1)) {
		r = try_key(l, a, &key, local_len, "", ret);
		if (r == TABLE_FOUND)
			has_ext = false;
		else if (r == TABLE_NOT_FOUND && has_ext)
			r = try_key(l, a, &key, user_len, "", ret);
	}
	if (r == TABLE_NOT_FOUND && at != NULL && !a->no_at_domain) {
		/* Nothing of the address is left out. */
		has_ext = false;
		r = table_list_find_exact(l, at, ret);
	}
	if (r == TABLE_FOUND && has_ext)
		buf_add(ret_ext, a->address + user_len, local_len - user_len);
	buf_done(&key);
	return r;
}

enum table_result
table_list_find_address(struct table_list *l, const struct table_address *a,
    struct buf *ret, struct buf *ret_ext)
{
	enum table_result r;

	buf_clear(ret_ext);
	r = find_form(l, a, a->address, false, ret);
	if (r != TABLE_NOT_FOUND)
		return r;
	return find_parts(l, a, ret, ret_ext);
}
