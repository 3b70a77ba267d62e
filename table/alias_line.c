/*
 * The line is cut into tokens as RFC 822 has them, and written again: white
 * space in it is only what separates words.  A name is written without its
 * quotes, a value with those it needs.
 */
#include "table/alias_line.h"

#include <stdbool.h>
#include <string.h>

#include "util/buf.h"

enum kind {
	NONE,
	ATOM, QUOTED, COMMENT, LITERAL,	/* words */
	SPECIAL,			/* the byte `special` */
};

struct token {
	enum kind	 kind;
	char		 special;
	struct buf	 text;		/* as meant: no quotes, no backslash;
					   COMMENT, LITERAL: as it stands */
};

static const char specials[] = "<>@,;:.|)]";

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
ends_atom(char c)
{
	return c == '\0' || is_space(c) || c == '"' || c == '(' || c == '[' ||
	    strchr(specials, c) != NULL;
}

static const char *
take_quoted(struct token *t, const char *p)
{
	t->kind = QUOTED;
	for (p++; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		buf_addc(&t->text, *p);
	}
	return *p == '"' ? p + 1 : p;
}

/* With its parentheses; they nest, and a backslash hides the next byte. */
static const char *
take_comment(struct token *t, const char *p)
{
	int depth = 0;

	t->kind = COMMENT;
	do {
		if (*p == '(')
			depth++;
		else if (*p == ')')
			depth--;
		else if (*p == '\\' && p[1] != '\0')
			buf_addc(&t->text, *p++);
		buf_addc(&t->text, *p++);
	} while (depth > 0 && *p != '\0');
	return p;
}

/* With its brackets, also that which is missing. */
static const char *
take_literal(struct token *t, const char *p)
{
	t->kind = LITERAL;
	while (*p != '\0' && *p != ']') {
		if (*p == '\\' && p[1] != '\0')
			buf_addc(&t->text, *p++);
		buf_addc(&t->text, *p++);
	}
	buf_addc(&t->text, ']');
	return *p == ']' ? p + 1 : p;
}

static const char *
take_atom(struct token *t, const char *p)
{
	t->kind = ATOM;
	while (!ends_atom(*p)) {
		if (*p == '\\' && *++p == '\0')
			break;
		buf_addc(&t->text, *p++);
	}
	return p;
}

/* The token at p, which it moves on; NONE at the end. */
static void
take_token(struct token *t, const char **p)
{
	buf_clear(&t->text);
	while (is_space(**p))
		++*p;
	if (**p == '\0') {
		t->kind = NONE;
	} else if (**p == '"') {
		*p = take_quoted(t, *p);
	} else if (**p == '(') {
		*p = take_comment(t, *p);
	} else if (**p == '[') {
		*p = take_literal(t, *p);
	} else if (strchr(specials, **p) != NULL) {
		t->kind = SPECIAL;
		t->special = *(*p)++;
		buf_addc(&t->text, t->special);
	} else {
		*p = take_atom(t, *p);
	}
}

static bool
is_word(const struct token *t)
{
	return t->kind >= ATOM && t->kind <= LITERAL;
}

static bool
needs_space(bool after_word, const struct token *t)
{
	return after_word &&
	    (is_word(t) || (t->kind == SPECIAL && t->special == '<'));
}

/* The name, up to the colon; NULL if either is missing ("" is a name). */
static const char *
parse_name(const char *p, struct buf *name, bool *ret_domain)
{
	struct token t = { .text = BUF_INIT };
	bool	     after_word = false, has_name = false, found = false;

	*ret_domain = false;
	for (take_token(&t, &p); t.kind != NONE; take_token(&t, &p)) {
		if (t.kind == SPECIAL && t.special == ':')
			found = has_name;
		if (t.kind == SPECIAL && (t.special == ':' ||
		    t.special == ','))
			break;
		if (t.kind == SPECIAL && t.special == '@')
			*ret_domain = true;
		if (needs_space(after_word, &t))
			buf_addc(name, ' ');
		buf_add(name, t.text.data, t.text.len);
		after_word = is_word(&t);
		has_name = true;
	}
	buf_done(&t.text);
	return found ? p : NULL;
}

/* An atom with bytes that were behind a backslash gets quotes instead. */
static bool
needs_quotes(const struct token *t)
{
	if (t->kind != ATOM)
		return t->kind == QUOTED;
	for (const char *p = t->text.data; *p != '\0'; p++)
		if (ends_atom(*p) || *p == '\\' || (*p & 0xe0) == 0)
			return true;
	return false;
}

static void
add_quoted(struct buf *out, const struct buf *text)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] == '"' || text->data[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, text->data[i]);
	}
	buf_addc(out, '"');
}

static void
parse_value(const char *p, struct buf *value)
{
	struct token t = { .text = BUF_INIT };
	bool	     after_word = false;

	for (take_token(&t, &p); t.kind != NONE; take_token(&t, &p)) {
		if (needs_space(after_word, &t))
			buf_addc(value, ' ');
		if (needs_quotes(&t))
			add_quoted(value, &t.text);
		else
			buf_add(value, t.text.data, t.text.len);
		if (t.kind == SPECIAL && t.special == ',')
			buf_addc(value, ' ');
		after_word = is_word(&t);
	}
	buf_done(&t.text);
}

enum alias_line
alias_line_parse(const char *line, struct buf *name, struct buf *value)
{
	bool	    domain;
	size_t	    value_at = value->len;
	const char *rest = parse_name(line, name, &domain);

	if (rest == NULL)
		return ALIAS_LINE_NO_PAIR;
	parse_value(rest, value);
	if (value->len == value_at)
		return ALIAS_LINE_NO_PAIR;
	return domain ? ALIAS_LINE_DOMAIN : ALIAS_LINE_OK;
}
