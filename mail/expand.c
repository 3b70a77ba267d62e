#include "mail/expand.h"

#include <string.h>

#include "conf/param.h"
#include "mail/maps.h"
#include "util/map.h"
#include "util/text.h"

struct expansion {
	struct pool	*pool;
	const char	**address;
	size_t		 count, size;
	struct map	*self;		/* lower case: final already */
	const char	*bad;
};

static void
replace(struct expansion *x, size_t at, const char **with, size_t n)
{
	if (x->count + n > x->size) {
		x->size = 2 * (x->count + n);
		x->address = mem_realloc(x->address,
		    x->size * sizeof *x->address);
	}
	memmove(x->address + at + n, x->address + at + 1,
	    (x->count - at - 1) * sizeof *x->address);
	memcpy(x->address + at, with, n * sizeof *with);
	x->count += n - 1;
}

/* The limits of one step. */
static enum expand_result
check(struct expansion *x, const char *given, const char **found,
    size_t count)
{
	if (x->count - 1 + count >
	    (size_t)conf_mail.virtual_alias_expansion_limit) {
		x->bad = given;
		return EXPAND_TOO_MANY;
	}
	for (size_t i = 0; i < count; i++)
		if (strlen(found[i]) >
		    (size_t)conf_mail.virtual_alias_address_length_limit) {
			x->bad = found[i];
			return EXPAND_TOO_LONG;
		}
	return EXPAND_OK;
}

static bool
is_self(const struct expansion *x, const char *address)
{
	char *key;
	bool  is;

	if (x->self == NULL)
		return false;
	key = text_lower(mem_strdup(address));
	is = map_find(x->self, key) != NULL;
	mem_free(key);
	return is;
}

/* Does an address stand for itself among others? */
static void
note_self(struct expansion *x, const char *address, const char **found,
    size_t count)
{
	char *key;

	for (size_t i = 0; i < count; i++) {
		if (!text_eq_nocase(found[i], address))
			continue;
		if (x->self == NULL)
			x->self = map_new();
		key = text_lower(mem_strdup(address));
		map_set(x->self, key, x);
		mem_free(key);
		return;
	}
}

/*
 * Until the first result of the address at `at` is final.  An address that
 * stands for itself among others (user -> user, archive) is final; one that
 * comes back on a longer way goes round until the limit.
 */
static enum expand_result
expand_one(struct expansion *x, size_t at, const char *given)
{
	const char	 **found;
	size_t		   count;
	enum expand_result r;

	for (int n = 0; !is_self(x, x->address[at]); n++) {
		if (n >= conf_mail.virtual_alias_recursion_limit) {
			x->bad = given;
			return EXPAND_TOO_DEEP;
		}
		switch (maps_virtual(x->pool, x->address[at], &found,
		    &count)) {
		case MAPS_CHANGED:
			break;
		case MAPS_SAME:
			return EXPAND_OK;
		default:
			return EXPAND_TABLE_ERROR;
		}
		if ((r = check(x, given, found, count)) != EXPAND_OK)
			return r;
		note_self(x, x->address[at], found, count);
		replace(x, at, found, count);
	}
	return EXPAND_OK;
}

enum expand_result
expand_aliases(struct pool *pool, const char *address, const char ***ret,
    size_t *ret_count, const char **ret_bad)
{
	struct expansion   x = { .pool = pool, .size = 4 };
	enum expand_result r = EXPAND_OK;

	x.address = mem_alloc(x.size * sizeof *x.address);
	x.address[x.count++] = address;
	for (size_t i = 0; i < x.count && r == EXPAND_OK; i++)
		r = expand_one(&x, i, address);
	if (r == EXPAND_OK) {
		*ret = pool_alloc(pool, x.count * sizeof **ret);
		memcpy(*ret, x.address, x.count * sizeof **ret);
		*ret_count = x.count;
	} else {
		*ret_bad = x.bad;
	}
	map_free(x.self, NULL);
	mem_free(x.address);
	return r;
}
