#include <string.h>

#include "mail/address.h"
#include "util/mem.h"

/*
 * Address lists of header fields, RFC 5322 3.4 with the obsolete syntax of
 * 4.4, and with what people write instead.  First the text is cut into
 * tokens; then the tokens of a list entry are told apart:
 *
 *	entry	= (phrase "<" address ">" comment*)+
 *		| phrase ":"			(a group begins, up to ";")
 *		| address+			(commas are put between them)
 *
 * A comment inside of an address goes behind it.
 */
struct scan {
	struct pool	*pool;
	const char	*p, *end;
	size_t		 left;		/* tokens that may still be made */
};

/* Lists are built at their tail. */
struct chain {
	struct token	 *first;
	struct token	**tail;
};

static void
chain_init(struct chain *c)
{
	c->first = NULL;
	c->tail = &c->first;
}

static void
chain_add(struct chain *c, struct token *t)
{
	*c->tail = t;
	c->tail = &t->next;
	t->next = NULL;
}

static void
chain_join(struct chain *c, struct chain *other)
{
	if (other->first == NULL)
		return;
	*c->tail = other->first;
	c->tail = other->tail;
	chain_init(other);
}

static struct token *
new_token(struct pool *pool, enum token_type type, const char *p, size_t n)
{
	struct token *t = pool_zalloc(pool, sizeof *t);

	t->type = type;
	t->text = (struct str){ p, n };
	return t;
}

/* --- tokens */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *
end_of_comment(const char *p, const char *end)
{
	int depth = 0;

	for (; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && --depth == 0)
			return p + 1;
	}
	return end;
}

static const char *
end_of_quoted(const char *p, const char *end, char close)
{
	for (p++; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == close)
			return p + 1;
	}
	return end;
}

static const char *
end_of_atom(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (is_space(*p) || (*p != '\0' &&
		    strchr("()<>@,;:\".[", *p) != NULL))
			break;
	}
	return p;
}

/* Line breaks inside of comments and quotes become spaces. */
static struct str
unfold(struct pool *pool, const char *p, size_t n)
{
	char  *copy;
	size_t len = 0;

	if (memchr(p, '\n', n) == NULL)
		return (struct str){ p, n };
	copy = pool_alloc(pool, n);
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\n')
			copy[len++] = ' ';
		else if (p[i] != '\r' || i + 1 == n || p[i + 1] != '\n')
			copy[len++] = p[i];
	return (struct str){ copy, len };
}

static struct token *
next_token(struct scan *s)
{
	const char     *from, *to;
	enum token_type type;
	struct str	text;

	while (s->p < s->end && is_space(*s->p))
		s->p++;
	from = s->p;
	if (from == s->end)
		return NULL;
	if (s->left == 0) {
		type = TOKEN_COMMENT;	/* stays as it is */
		to = s->end;
	} else if (*from == '(') {
		type = TOKEN_COMMENT;
		to = end_of_comment(from, s->end);
	} else if (*from == '"') {
		type = TOKEN_QUOTED;
		to = end_of_quoted(from, s->end, '"');
	} else if (*from == '[') {
		type = TOKEN_LITERAL;
		to = end_of_quoted(from, s->end, ']');
	} else if (*from != '\0' && strchr(")<>@,;:.", *from) != NULL) {
		type = TOKEN_SPECIAL;
		to = from + 1;
	} else {
		type = TOKEN_ATOM;
		to = end_of_atom(from, s->end);
	}
	s->left -= s->left > 0;
	s->p = to;
	text = unfold(s->pool, from, (size_t)(to - from));
	return new_token(s->pool, type, text.p, text.n);
}

static bool
is_char(const struct token *t, char c)
{
	return t != NULL && t->type == TOKEN_SPECIAL && t->text.p[0] == c;
}

static bool
is_word(const struct token *t)
{
	return t->type == TOKEN_ATOM || t->type == TOKEN_QUOTED ||
	    t->type == TOKEN_LITERAL;
}

/* --- entries */

static void
add_comma(struct pool *pool, struct chain *list)
{
	chain_add(list, new_token(pool, TOKEN_SPECIAL, ",", 1));
}

/* Comments out of the address; an address of nothing else is none. */
static void
add_address(struct pool *pool, struct chain *list, struct chain *parts,
    struct chain *comments)
{
	struct token *t;

	if (parts->first != NULL) {
		t = new_token(pool, TOKEN_ADDRESS, NULL, 0);
		t->children = parts->first;
		chain_init(parts);
		chain_add(list, t);
	}
	chain_join(list, comments);
}

/* One or more addresses without <>, up to `end`. */
static void
add_addresses(struct pool *pool, struct chain *list, struct token *t,
    const struct token *end)
{
	struct chain  parts, comments;
	struct token *next, *last = NULL;

	chain_init(&parts);
	chain_init(&comments);
	for (; t != end; t = next) {
		next = t->next;
		/* "address>": the other half was forgotten */
		if (is_char(t, '>') && next == end)
			continue;
		if (t->type == TOKEN_COMMENT) {
			chain_add(&comments, t);
			continue;
		}
		if (last != NULL && is_word(last) && is_word(t)) {
			add_address(pool, list, &parts, &comments);
			add_comma(pool, list);
		}
		chain_add(&parts, t);
		last = t;
	}
	add_address(pool, list, &parts, &comments);
}

/* What stands in <>: words side by side belong to one address. */
static void
add_route_address(struct pool *pool, struct chain *list, struct token *t,
    const struct token *close)
{
	struct chain  parts, comments;
	struct token *next;

	chain_init(&parts);
	chain_init(&comments);
	for (; t != close; t = next) {
		next = t->next;
		chain_add(t->type == TOKEN_COMMENT ? &comments : &parts, t);
	}
	add_address(pool, list, &parts, &comments);
}

/* The matching '>' of a '<'; NULL if a comma that is no route's, or the end,
 * comes first: then it was never closed. */
static struct token *
find_close(struct token *open)
{
	for (struct token *t = open->next; t != NULL; t = t->next)
		if (is_char(t, '>'))
			return t;
	return NULL;
}

/* The ':' of a group that ends with the next ';'; without that ';' there is
 * none (":include:/some/file").  NULL if so. */
static struct token *
find_group(struct token *t)
{
	struct token *colon = NULL, *close;

	for (; t != NULL && !is_char(t, ';'); t = t->next)
		if (is_char(t, '<') && (close = find_close(t)) != NULL)
			t = close;
		else if (is_char(t, ':'))
			colon = t;
	return t != NULL ? colon : NULL;
}

static bool
is_separator(const struct token *t)
{
	return t == NULL || is_char(t, ',') || is_char(t, ';');
}

/* Where "<" begins an address, or the entry ends, or the group's ':' is. */
static struct token *
find_mark(struct token *t, const struct token *group)
{
	while (!is_separator(t) && t != group &&
	    !(is_char(t, '<') && find_close(t) != NULL))
		t = t->next;
	return t;
}

/* All up to `end` as it is. */
static void
add_phrase(struct chain *list, struct token *start, const struct token *end)
{
	struct token *next;

	for (; start != end; start = next) {
		next = start->next;
		chain_add(list, start);
	}
}

/* "<address> comment*" from *from on. */
static void
add_bracketed(struct pool *pool, struct chain *list, struct token **from)
{
	struct token *open = *from, *close = find_close(open), *t;
	struct token *inside = open->next;

	chain_add(list, open);
	add_route_address(pool, list, inside, close);
	*from = close->next;
	chain_add(list, close);
	while ((t = *from) != NULL && t->type == TOKEN_COMMENT) {
		*from = t->next;
		chain_add(list, t);
	}
	/* What follows is an entry of its own, unless it is one more phrase
	 * with an address: "a <b> c <d>" stays. */
	if (!is_separator(t) && !is_char(find_mark(t, NULL), '<'))
		add_comma(pool, list);
}

/*
 * Moves tokens that make one entry from *from to the list; *from is then at
 * the separator or NULL.  A group's name is all up to its ':', whatever
 * stands there.
 */
static void
take_entry(struct pool *pool, struct chain *list, struct token **from,
    struct token **group)
{
	struct token *start = *from, *t = start, *mark;

	while (!is_separator(t) && t != *group)
		t = t->next;
	if (t != NULL && t == *group && t != start) {
		*from = t->next;
		add_phrase(list, start, t);
		chain_add(list, t);
		*group = NULL;
		return;
	}
	mark = find_mark(start, NULL);
	if (is_char(mark, '<')) {
		add_phrase(list, start, mark);
		*from = mark;
		add_bracketed(pool, list, from);
		return;
	}
	*from = mark;
	add_addresses(pool, list, start, mark);
}

struct token *
address_parse_header(struct pool *pool, struct str text, size_t limit)
{
	struct scan   s = { .pool = pool, .p = text.p, .end = text.p + text.n,
	    .left = limit };
	struct chain  flat, list;
	struct token *t, *next, *group;

	chain_init(&flat);
	chain_init(&list);
	while ((t = next_token(&s)) != NULL)
		chain_add(&flat, t);
	group = find_group(flat.first);
	for (t = flat.first; t != NULL;) {
		if (!is_separator(t)) {
			take_entry(pool, &list, &t, &group);
			continue;
		}
		next = t->next;
		chain_add(&list, t);
		if (is_char(t, ';'))
			group = find_group(next);
		if (is_char(t, ';') && next != NULL && !is_char(next, ',') &&
		    !is_char(next, ';') && next->type != TOKEN_COMMENT)
			add_comma(pool, &list);
		t = next;
	}
	return list.first;
}

/* --- writing */

static void
write_text(struct buf *out, const struct token *t)
{
	if (t->type != TOKEN_ADDRESS || t->text.n > 0) {
		buf_add(out, t->text.p, t->text.n);
		return;
	}
	for (const struct token *c = t->children; c != NULL; c = c->next)
		buf_add(out, c->text.p, c->text.n);
}

static bool
is_text(const struct token *t)
{
	return t->type != TOKEN_SPECIAL;
}

static bool
wants_space(const struct token *before, const struct token *t)
{
	if (before == NULL || is_char(before, ','))
		return false;
	if (is_char(before, ':'))
		return true;
	if (is_char(t, '<'))
		return true;
	return is_text(before) && is_text(t);
}

enum { LINE_MAX_LEN = 70 };	/* without its tab a line is shorter */

/* One entry with its comma, on this line if it fits, or on a new one. */
static void
put_entry(struct buf *out, struct buf *entry, bool first)
{
	const char *newline = memrchr(out->data, '\n', out->len);
	size_t	    width = newline == NULL ? out->len :
	    (size_t)(out->data + out->len - newline) - strlen("\n\t");

	if (!first)
		buf_adds(out, width + 1 + entry->len < LINE_MAX_LEN ? " " :
		    "\r\n\t");
	buf_add(out, entry->data, entry->len);
	buf_clear(entry);
}

void
address_write_header(struct buf *out, const struct token *list)
{
	const struct token *before = NULL;
	struct buf	    entry = BUF_INIT;
	bool		    first = true;

	for (const struct token *t = list; t != NULL; before = t, t = t->next) {
		if (wants_space(before, t))
			buf_addc(&entry, ' ');
		write_text(&entry, t);
		if (is_char(t, ',')) {
			put_entry(out, &entry, first);
			first = false;
		}
	}
	if (entry.len > 0)
		put_entry(out, &entry, first);
	else if (is_char(before, ','))
		buf_addc(out, ' ');
	buf_done(&entry);
}

/* --- an address's internal form */

static void
add_dequoted(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			continue;
		if (text.p[i] == '\\' && i + 1 < text.n)
			i++;
		buf_addc(out, text.p[i]);
	}
}

void
address_token_get(struct buf *out, const struct token *t)
{
	if (t->text.n > 0) {
		add_dequoted(out, t->text);
		return;
	}
	for (const struct token *c = t->children; c != NULL; c = c->next)
		if (c->type == TOKEN_ATOM || c->type == TOKEN_QUOTED)
			add_dequoted(out, c->text);
		else
			buf_add(out, c->text.p, c->text.n);
}

void
address_token_set(struct pool *pool, struct token *t, const char *internal)
{
	struct buf b = BUF_INIT;

	address_quote(&b, internal);
	t->text = (struct str){ pool_strndup(pool, b.data, b.len), b.len };
	buf_done(&b);
}
