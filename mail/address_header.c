#include <stdint.h>
#include <string.h>

#include "mail/address.h"
#include "util/mem.h"

/*
 * Address lists of header fields, RFC 5322 3.4 with the obsolete syntax of
 * 4.4, and with what people write instead.  The text is cut into tokens; these
 * are read from the last to the first, since what a word is shows behind it:
 *
 *	LIST	words make addresses; a comma is put between two of them that
 *		have none.  '<' is a byte like others.  ';' may end a group.
 *	ANGLE	left of '>': all is one address, up to '<'
 *	PHRASE	left of '<': stays as it is, up to ',' ';' ':' or one more '>'
 *	GROUP	left of ':', once a ';' was seen: stays as it is, up to ','
 *
 * A comment inside of an address goes behind it.
 */
enum where { LIST, ANGLE, PHRASE, GROUP };

struct scan {
	struct pool	*pool;
	const char	*p, *end;
	size_t		 left;		/* tokens that may still be made */
};

struct reader {
	struct pool	*pool;
	enum where	 where;
	bool		 has_group;	/* a ';' was seen */
	struct token	*list;		/* what has been read */
	struct token	*parts;		/* of an address, so far */
	struct token	*comments, *last_comment;
};

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

/* False: it is not closed. */
static bool
find_close(const char **at, const char *end, char close)
{
	const char *p = *at + 1;
	bool	    closed;

	while (p < end && *p != close)
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	closed = p < end;
	*at = p + closed;
	return closed;
}

static const char *
end_of_atom(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (is_space(*p) || (*p != '\0' &&
		    strchr("()<>@,;:\".[]!%", *p) != NULL))
			break;
	}
	return p;
}

/*
 * A token's text on one line: white space within is spaces (in a comment only
 * that of line breaks).  What was not closed gets its `close`, and a
 * backslash in front of that goes.
 */
static struct str
tidy(struct scan *s, enum token_type type, struct str raw, char close)
{
	struct str text = { NULL, 0 };
	char	  *copy = pool_alloc(s->pool, raw.n + 1);
	size_t	   slashes = 0;

	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		slashes = c == '\\' ? slashes + 1 : 0;
		if (c == '\r' && i + 1 < raw.n && raw.p[i + 1] == '\n')
			continue;
		copy[text.n++] = c == '\n' ||
		    (c == '\t' && type != TOKEN_COMMENT) ? ' ' : c;
	}
	if (close != '\0') {
		text.n -= slashes % 2;
		copy[text.n++] = close;
	}
	text.p = copy;
	return text;
}

static bool
is_tidy(struct str raw, char close)
{
	return close == '\0' && memchr(raw.p, '\n', raw.n) == NULL &&
	    memchr(raw.p, '\t', raw.n) == NULL;
}

/* A word with quoted pairs: quotes instead, where it needs any. */
static struct str
quote_pairs(struct scan *s, struct str raw)
{
	struct buf plain = BUF_INIT, quoted = BUF_INIT;
	struct str text;

	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\' && ++i == raw.n)
			break;
		buf_addc(&plain, is_space(raw.p[i]) ? ' ' : raw.p[i]);
		if (strchr("\"\\", raw.p[i]) != NULL)
			buf_addc(&quoted, '\\');
		buf_addc(&quoted, plain.data[plain.len - 1]);
	}
	if (plain.len > 0 && strpbrk(plain.data, " ()<>@,;:\".[]!%\\") == NULL)
		text.p = pool_strndup(s->pool, plain.data, text.n = plain.len);
	else {
		text.p = pool_printf(s->pool, "\"%s\"", quoted.data);
		text.n = strlen(text.p);
	}
	buf_done(&plain);
	buf_done(&quoted);
	return text;
}

static struct token *
next_token(struct scan *s)
{
	const char     *from;
	enum token_type type;
	struct str	text;
	char		close = '\0';

	while (s->p < s->end && is_space(*s->p))
		s->p++;
	from = s->p;
	if (from == s->end || s->left == 0)
		return NULL;
	s->left--;
	if (*from == '(') {
		type = TOKEN_COMMENT;
		s->p = end_of_comment(from, s->end);
	} else if (*from == '"') {
		type = TOKEN_QUOTED;
		close = find_close(&s->p, s->end, '"') ? '\0' : '"';
	} else if (*from == '[') {
		type = TOKEN_LITERAL;
		close = find_close(&s->p, s->end, ']') ? '\0' : ']';
	} else if (*from != '\0' && strchr(")<>@,;:.]!%", *from) != NULL) {
		type = TOKEN_SPECIAL;
		s->p++;
	} else {
		type = TOKEN_ATOM;
		s->p = end_of_atom(from, s->end);
	}
	text = (struct str){ from, (size_t)(s->p - from) };
	if (type == TOKEN_ATOM && memchr(text.p, '\\', text.n) != NULL)
		text = quote_pairs(s, text);
	else if (!is_tidy(text, close))
		text = tidy(s, type, text, close);
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

/* Unlike one that only stands there, it is written with a space. */
static const char GROUP_COLON[] = ": ";

static bool
ends_group_name(const struct token *t)
{
	return t->text.p == GROUP_COLON;
}

static void
put(struct token **list, struct token *t)
{
	t->next = *list;
	*list = t;
}

static void
put_comment(struct reader *r, struct token *t)
{
	if (r->comments == NULL)
		r->last_comment = t;
	put(&r->comments, t);
}

/* True: there was one. */
static bool
end_address(struct reader *r)
{
	struct token *t;

	if (r->comments != NULL) {
		r->last_comment->next = r->list;
		r->list = r->comments;
		r->comments = NULL;
	}
	if (r->parts == NULL)
		return false;
	t = new_token(r->pool, TOKEN_ADDRESS, NULL, 0);
	t->children = r->parts;
	r->parts = NULL;
	put(&r->list, t);
	return true;
}

/* What is to the left is another entry. */
static void
end_entry(struct reader *r)
{
	if (end_address(r))
		put(&r->list, new_token(r->pool, TOKEN_SPECIAL, ",", 1));
}

static void
read_in_list(struct reader *r, struct token *t)
{
	if (r->parts != NULL && is_word(r->parts) && is_word(t))
		end_entry(r);
	if (t->type == TOKEN_COMMENT)
		put_comment(r, t);
	else
		put(&r->parts, t);
}

static void
read_in_angle(struct reader *r, struct token *t)
{
	if (is_char(t, '<')) {
		end_address(r);
		put(&r->list, t);
		r->where = PHRASE;
	} else if (t->type == TOKEN_COMMENT) {
		put_comment(r, t);
	} else {
		put(&r->parts, t);
	}
}

/* What ends an address or a phrase.  False: it is none of that. */
static bool
read_separator(struct reader *r, struct token *t)
{
	if (is_char(t, ',')) {
		end_address(r);
		r->where = LIST;
	} else if (is_char(t, ';')) {
		end_entry(r);
		r->has_group = true;
		r->where = LIST;
	} else if (is_char(t, '>')) {
		end_entry(r);
		r->where = ANGLE;
	} else if (is_char(t, ':') && r->has_group) {
		end_address(r);
		t->text = (struct str){ GROUP_COLON, strlen(GROUP_COLON) };
		r->where = GROUP;
	} else if (is_char(t, ':') && r->where == PHRASE) {
		r->where = LIST;
	} else {
		return false;
	}
	put(&r->list, t);
	return true;
}

static void
read_token(struct reader *r, struct token *t)
{
	switch (r->where) {
	case LIST:
		if (!read_separator(r, t))
			read_in_list(r, t);
		break;
	case ANGLE:
		read_in_angle(r, t);
		break;
	case PHRASE:
		if (!read_separator(r, t))
			put(&r->list, t);
		break;
	case GROUP:
		if (is_char(t, ','))
			r->where = LIST;
		put(&r->list, t);
		break;
	}
}

struct token *
address_parse_header(struct pool *pool, struct str text, size_t limit)
{
	struct scan   s = { .pool = pool, .p = text.p, .end = text.p + text.n,
	    .left = limit };
	struct reader r = { .pool = pool, .where = LIST };
	struct token *backwards = NULL, *t;

	while ((t = next_token(&s)) != NULL)
		put(&backwards, t);
	while ((t = backwards) != NULL) {
		backwards = t->next;
		read_token(&r, t);
	}
	end_address(&r);
	return r.list;
}

/* --- writing */

static bool
is_text(const struct token *t)
{
	return t->type != TOKEN_SPECIAL;
}

/* Between the parts of an address; commas have theirs already. */
static bool
wants_space_within(const struct token *before, const struct token *t)
{
	if (before == NULL || is_char(before, ','))
		return false;
	return is_char(t, '<') || (is_text(before) && is_text(t) &&
	    (before->type != TOKEN_ATOM || t->type != TOKEN_ATOM));
}

static void
add_parts(struct buf *out, const struct token *parts)
{
	const struct token *before = NULL;

	for (const struct token *t = parts; t != NULL; before = t, t = t->next) {
		if (wants_space_within(before, t))
			buf_addc(out, ' ');
		buf_add(out, t->text.p, t->text.n);
		if (is_char(t, ','))
			buf_addc(out, ' ');
	}
}

void
address_token_text(struct buf *out, const struct token *t)
{
	size_t start = out->len;

	if (t->text.n > 0)
		buf_add(out, t->text.p, t->text.n);
	else
		add_parts(out, t->children);
	if (out->len == start)
		buf_adds(out, "\"\"");
}

static void
write_text(struct buf *out, const struct token *t)
{
	if (t->type == TOKEN_ADDRESS)
		address_token_text(out, t);
	else
		buf_add(out, t->text.p, t->text.n);
}

static bool
wants_space(const struct token *before, const struct token *t)
{
	if (before == NULL || is_char(before, ',') || ends_group_name(before))
		return false;
	return is_char(t, '<') || (is_text(before) && is_text(t));
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
	if (entry.len > 0 || is_char(before, ','))
		put_entry(out, &entry, first);
	buf_done(&entry);
}

/* --- an address's internal form */

void
address_token_get(struct buf *out, const struct token *t)
{
	struct buf text = BUF_INIT;

	address_token_text(&text, t);
	address_unquote(out, text.data);
	buf_done(&text);
}

/*
 * A domain that is none (anything may stand in front of '>') is written as
 * the tokens that it would be read as.
 */
static void
space_out(struct pool *pool, struct buf *out, struct str external)
{
	struct scan   s = { .pool = pool, .p = external.p,
	    .end = external.p + external.n, .left = SIZE_MAX };
	struct token *before = NULL, *t;

	for (; (t = next_token(&s)) != NULL; before = t) {
		if (before != NULL && (is_char(before, ',') ||
		    wants_space(before, t)))
			buf_addc(out, ' ');
		buf_add(out, t->text.p, t->text.n);
	}
}

void
address_token_set(struct pool *pool, struct token *t, const char *internal)
{
	const char *domain = address_domain(internal);
	struct buf  b = BUF_INIT, spaced = BUF_INIT, *text = &b;

	address_quote(&b, internal);
	if (b.len == 0)
		buf_adds(&b, "\"\"");
	if (domain != NULL && strpbrk(domain, "<,(\" \\") != NULL) {
		text = &spaced;
		space_out(pool, text, (struct str){ b.data, b.len });
	}
	t->text = (struct str){ pool_strndup(pool, text->data, text->len),
	    text->len };
	buf_done(&b);
	buf_done(&spaced);
}
