#include "table/alias_line.h"

#include <stdbool.h>
#include <string.h>

#include "util/buf.h"

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Past a quoted string or comment that begins at p; a backslash hides the
 * next byte, comments nest. */
static const char *
skip_nested(const char *p, char open, char close)
{
	int depth = 1;

	for (p++; *p != '\0' && depth > 0; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == close)
			depth--;
		else if (*p == open)
			depth++;
	}
	return p;
}

static const char *
skip_quoted(const char *p)
{
	return skip_nested(p, '"', '"');
}

static const char *
skip_comment(const char *p)
{
	return skip_nested(p, '(', ')');
}

/* Adds what stands between quotes. */
static void
add_unquoted(struct buf *out, const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		buf_addc(out, *p);
	}
}

/* The name, up to the colon; NULL if there is none. */
static const char *
parse_name(const char *p, struct buf *name, bool *ret_domain)
{
	bool space = false;

	*ret_domain = false;
	while (*p != '\0' && *p != ':') {
		const char *next = p + 1;

		if (is_space(*p) || *p == '(') {
			space = name->len > 0;
			p = *p == '(' ? skip_comment(p) : next;
			continue;
		}
		if (space)
			buf_addc(name, ' ');
		space = false;
		if (*p == '"') {
			next = skip_quoted(p);
			add_unquoted(name, p, next);
		} else if (*p == '\\' && p[1] != '\0') {
			buf_addc(name, p[1]);
			next = p + 2;
		} else {
			if (*p == '@')
				*ret_domain = true;
			buf_addc(name, *p);
		}
		p = next;
	}
	return *p == ':' ? p + 1 : NULL;
}

static void
parse_value(const char *p, struct buf *value)
{
	bool space = false;

	while (*p != '\0') {
		const char *next = p + 1;

		if (is_space(*p) || *p == '(') {
			space = value->len > 0;
			p = *p == '(' ? skip_comment(p) : next;
			continue;
		}
		if (*p == ',') {
			buf_adds(value, ", ");
			space = false;
			p = next;
			continue;
		}
		if (space && value->data[value->len - 1] != ' ')
			buf_addc(value, ' ');
		space = false;
		if (*p == '"')
			next = skip_quoted(p);
		else if (*p == '\\' && p[1] != '\0')
			next = p + 2;
		buf_add(value, p, (size_t)(next - p));
		p = next;
	}
}

enum alias_line
alias_line_parse(const char *line, struct buf *name, struct buf *value)
{
	bool	    domain;
	size_t	    name_at = name->len, value_at = value->len;
	const char *rest = parse_name(line, name, &domain);

	if (rest == NULL || name->len == name_at)
		return ALIAS_LINE_NO_PAIR;
	parse_value(rest, value);
	if (value->len == value_at)
		return ALIAS_LINE_NO_PAIR;
	return domain ? ALIAS_LINE_DOMAIN : ALIAS_LINE_OK;
}
