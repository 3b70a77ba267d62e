#include "smtp/generic.h"

#include <string.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/maps.h"
#include "mail/queue_file.h"
#include "smtp/settings.h"
#include "util/mem.h"

void
generic_init(void)
{
	if (generic_is_set())
		maps_init_generic(mem_printf("%s_generic_maps",
		    settings.prefix), settings.generic_maps);
}

bool
generic_is_set(void)
{
	return settings.generic_maps[0] != '\0';
}

bool
generic_address(struct buf *address)
{
	return maps_generic(address) != MAPS_ERROR;
}

/* --- header fields */

static size_t
field_len(const char *p, const char *end)
{
	const char *from = p, *lf;

	do {
		lf = memchr(p, '\n', (size_t)(end - p));
		p = lf == NULL ? end : lf + 1;
	} while (p < end && (*p == ' ' || *p == '\t'));
	return (size_t)(p - from);
}

static struct str
trim(const char *p, size_t n)
{
	while (n > 0 && strchr(" \t\r\n", *p) != NULL)
		p++, n--;
	while (n > 0 && strchr(" \t\r\n", p[n - 1]) != NULL)
		n--;
	return (struct str){ p, n };
}

/* False: a table failed. */
static bool
map_tokens(struct pool *pool, struct token *list, bool *ret_changed)
{
	struct buf b = BUF_INIT;
	bool	   ok = true, changed = false;
	enum maps_result r;

	for (struct token *t = list; ok && t != NULL; t = t->next) {
		if (t->type != TOKEN_ADDRESS)
			continue;
		buf_clear(&b);
		address_token_get(&b, t);
		r = maps_generic(&b);
		ok = r != MAPS_ERROR;
		if (r != MAPS_CHANGED)
			continue;
		address_token_set(pool, t, b.data);
		changed = true;
	}
	buf_done(&b);
	*ret_changed = changed;
	return ok;
}

static bool
add_address_field(struct buf *out, const char *field, size_t len)
{
	struct pool   pool = POOL_INIT;
	const char   *colon = memchr(field, ':', len);
	size_t	      head = (size_t)(colon + 1 - field);
	struct token *list;
	bool	      changed, ok;

	list = address_parse_header(&pool, trim(colon + 1, len - head),
	    (size_t)conf_mail.header_address_token_limit);
	ok = map_tokens(&pool, list, &changed);
	if (!changed) {
		buf_add(out, field, len);
	} else {
		buf_add(out, field, head);
		buf_addc(out, ' ');
		address_write_header(out, list);
		buf_adds(out, "\r\n");
	}
	pool_done(&pool);
	return ok;
}

bool
generic_header(struct buf *out, const char *header, size_t len)
{
	const char *p = header, *end = header + len;
	bool	    ok = true;

	while (ok && p < end) {
		size_t n = field_len(p, end), name = header_name_len(p, n);
		const struct header_fact *fact = header_find(
		    (struct str){ p, name });

		if (name > 0 && fact != NULL && (fact->flags &
		    (HEADER_IS_SENDER | HEADER_IS_RECIPIENT)) != 0)
			ok = add_address_field(out, p, n);
		else
			buf_add(out, p, n);
		p += n;
	}
	return ok;
}

bool
generic_file_header(struct buf *out, const struct queue_file *q)
{
	size_t len = q->t.header_len;
	char  *text = mem_alloc(len);
	bool   ok = pread(q->fd, text, len, queue_file_header_at(q)) ==
	    (ssize_t)len && generic_header(out, text, len);

	mem_free(text);
	return ok;
}
