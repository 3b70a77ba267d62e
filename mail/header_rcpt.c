#include "mail/header_rcpt.h"

#include <stdint.h>
#include <string.h>

#include "mail/address.h"
#include "mail/header.h"
#include "util/buf.h"
#include "util/mem.h"

struct names {
	const char	**items;
	size_t		  count, room;
};

/* A field with its folded lines; n == 0 at the end of the header. */
static struct str
next_field(const char **at, const char *end)
{
	struct str  field = { *at, 0 };
	const char *p = *at, *lf;

	if (header_name_len(p, (size_t)(end - p)) == 0)
		return field;
	do {
		lf = memchr(p, '\n', (size_t)(end - p));
		p = lf == NULL ? end : lf + 1;
	} while (p < end && (*p == ' ' || *p == '\t'));
	field.n = (size_t)(p - *at);
	*at = p;
	return field;
}

static void
add(struct names *names, struct pool *pool, const char *address)
{
	const char **items;

	if (names->count == names->room) {
		names->room = names->room == 0 ? 8 : 2 * names->room;
		items = pool_alloc(pool, names->room * sizeof *items);
		if (names->count > 0)
			memcpy(items, names->items,
			    names->count * sizeof *items);
		names->items = items;
	}
	names->items[names->count++] = pool_strdup(pool, address);
}

static void
add_addresses(struct names *names, struct pool *pool, struct str text)
{
	struct token *t = address_parse_header(pool, text, SIZE_MAX);
	struct buf    address = BUF_INIT;

	for (; t != NULL; t = t->next) {
		if (t->type != TOKEN_ADDRESS)
			continue;
		buf_clear(&address);
		address_token_get(&address, t);
		if (address.len > 0)
			add(names, pool, address.data);
	}
	buf_done(&address);
}

size_t
header_recipients(struct pool *pool, struct str content, const char ***ret)
{
	const char  *at = content.p, *end = content.p + content.n, *colon;
	struct names names[2] = { { 0 }, { 0 } };
	bool	     resent = false, is_resent;
	struct str   field;

	while ((field = next_field(&at, end)).n > 0) {
		size_t n = header_name_len(field.p, field.n);
		const struct header_fact *fact =
		    header_find((struct str){ field.p, n });

		if (fact == NULL || (fact->flags & HEADER_EXTRACT) == 0)
			continue;
		is_resent = (fact->flags & HEADER_IS_RESENT) != 0;
		resent = resent || is_resent;
		colon = memchr(field.p, ':', field.n);
		add_addresses(&names[is_resent], pool, (struct str){ colon + 1,
		    field.n - (size_t)(colon + 1 - field.p) });
	}
	*ret = names[resent].items;
	return names[resent].count;
}
