#include "local/address_list.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "mail/address.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/text.h"

static bool add_item(struct target_list *, struct pool *, struct str item);

static bool
add(struct target_list *l, struct pool *pool, enum target_kind kind,
    const char *text)
{
	struct target *more;

	if (l->count == TARGET_LIST_MAX)
		return false;
	if (l->count == l->size) {
		l->size = l->size == 0 ? 16 : l->size * 2;
		more = pool_alloc(pool, l->size * sizeof *more);
		if (l->count > 0)
			memcpy(more, l->items, l->count * sizeof *more);
		l->items = more;
	}
	l->items[l->count++] = (struct target){ kind, pool_strdup(pool, text) };
	return true;
}

/* A command, file or :include: by its first bytes; TARGET_ADDRESS if none. */
static enum target_kind
kind_of(const char *s)
{
	if (*s == '|')
		return TARGET_COMMAND;
	if (*s == '/' || *s == '~')
		return TARGET_FILE;
	if (text_starts_nocase(s, ":include:"))
		return TARGET_INCLUDE;
	return TARGET_ADDRESS;
}

/* White space ends what is not in quotes; another item follows. */
static bool
add_special(struct target_list *l, struct pool *pool, enum target_kind kind,
    char *text, bool quoted)
{
	const char *rest = "";
	size_t	    n;

	if (kind == TARGET_COMMAND)
		text++;
	else if (kind == TARGET_INCLUDE)
		text += sizeof ":include:" - 1;
	if (kind != TARGET_COMMAND || !quoted)
		text = text_trim(text);
	n = quoted ? strlen(text) : strcspn(text, " \t");
	if (text[n] != '\0') {
		text[n] = '\0';
		rest = text + n + 1;
	}
	return add(l, pool, kind, text) && (*rest == '\0' ||
	    add_item(l, pool, (struct str){ rest, strlen(rest) }));
}

/* Every address in `item`, which may be a phrase with <address>, or a group. */
static bool
add_addresses(struct target_list *l, struct pool *pool, struct str item)
{
	struct token	*t = address_parse_header(pool, item, item.n);
	struct buf	 internal = BUF_INIT;
	enum target_kind kind;
	bool		 ok = true;

	for (; t != NULL && ok; t = t->next) {
		if (t->type != TOKEN_ADDRESS)
			continue;
		buf_clear(&internal);
		address_token_get(&internal, t);
		kind = kind_of(internal.data);
		ok = kind == TARGET_ADDRESS ?
		    add(l, pool, TARGET_ADDRESS, internal.data) :
		    add_special(l, pool, kind, internal.data, true);
	}
	buf_done(&internal);
	return ok;
}

/* One item between commas, white space around it gone. */
static bool
add_item(struct target_list *l, struct pool *pool, struct str item)
{
	struct buf		 text = BUF_INIT;
	enum target_kind	 kind;
	bool			 ok, quoted;

	while (item.n > 0 && isspace((unsigned char)*item.p))
		item.p++, item.n--;
	while (item.n > 0 && isspace((unsigned char)item.p[item.n - 1]))
		item.n--;
	if (item.n == 0)
		return true;
	quoted = item.n >= 2 && item.p[0] == '"' && item.p[item.n - 1] == '"';
	if (quoted) {
		for (size_t i = 1; i < item.n - 1; i++) {
			if (item.p[i] == '\\' && i + 1 < item.n - 1)
				i++;
			buf_addc(&text, item.p[i]);
		}
	} else {
		buf_add(&text, item.p, item.n);
	}
	kind = kind_of(text.data);
	if (kind != TARGET_ADDRESS)
		ok = add_special(l, pool, kind, text.data, quoted);
	else
		ok = add_addresses(l, pool, item);
	buf_done(&text);
	return ok;
}

/* Bytes up to the comma, or what else `ends` the item at p. */
static size_t
item_len_to(const char *p, char ends)
{
	const char	*start = p;
	int		 comment = 0;
	bool		 quoted = false;

	for (; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"' && comment == 0)
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (*p == '(')
			comment++;
		else if (*p == ')' && comment > 0)
			comment--;
		else if (*p == ends && comment == 0)
			break;
	}
	return p - start;
}

static bool
has_group(const char *text)
{
	return strchr(text, ';') != NULL && *text != '|' &&
	    text[item_len_to(text, ';')] == ';';
}

bool
target_list_parse(struct target_list *l, struct pool *pool, const char *text)
{
	size_t n;

	/* "friends: bob, carol;" is one */
	if (has_group(text))
		return add_addresses(l, pool, (struct str){ text,
		    strlen(text) });
	for (;;) {
		n = item_len_to(text, ',');
		if (!add_item(l, pool, (struct str){ text, n }))
			return false;
		if (text[n] == '\0')
			return true;
		text += n + 1;
	}
}

bool
target_list_read(struct target_list *l, struct pool *pool, int fd,
    size_t max_bytes)
{
	struct buf	 file = BUF_INIT, logical = BUF_INIT;
	char		*p, *line;
	bool		 ok = true;

	if (!file_read_fd(fd, max_bytes, &file)) {
		buf_done(&file);
		return false;
	}
	for (p = file.data; ok && (line = strsep(&p, "\n")) != NULL;) {
		if (*line == '#')
			continue;
		if (!isspace((unsigned char)*line) && logical.len > 0) {
			ok = target_list_parse(l, pool, logical.data);
			buf_clear(&logical);
		}
		buf_adds(&logical, line);
		buf_addc(&logical, ' ');
	}
	if (ok)
		ok = target_list_parse(l, pool, logical.data);
	if (!ok)
		errno = E2BIG;
	buf_done(&file);
	buf_done(&logical);
	return ok;
}
