/*
 * Comments between a line and its continuation are skipped without ending
 * the line, so what follows a line must be looked at before the line is done:
 * a blank or comment line is passed over only if a continuation comes after.
 */

#include <string.h>

#include "conf/lines.h"
#include "util/buf.h"
#include "util/text.h"

enum physical { BLANK, COMMENT, INDENTED, FLUSH };

void
lines_init(struct lines *l, const char *bytes, size_t len)
{
	*l = (struct lines){ .pos = bytes, .end = bytes + len, .number = 1 };
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The physical line at `p`: its kind, its end without newline, and the start
 * of the next. */
static enum physical
look(const char *p, const char *end, struct str *ret_text,
    const char **ret_next)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));
	const char *stop = nl != NULL ? nl : end, *q = p;

	*ret_next = nl != NULL ? nl + 1 : end;
	*ret_text = (struct str){ p, (size_t)(stop - p) };
	while (q < stop && is_space(*q))
		q++;
	if (q == stop)
		return BLANK;
	if (*q == '#')
		return COMMENT;
	return q > p ? INDENTED : FLUSH;
}

/* Adds the continuation lines after l->pos, and moves on behind the last. */
static void
join_rest(struct lines *l, struct buf *out)
{
	const char    *p = l->pos, *next;
	struct str     text;
	int	       number = l->number;
	enum physical  kind;

	while (p < l->end) {
		kind = look(p, l->end, &text, &next);
		if (kind == FLUSH)
			break;
		number++;
		p = next;
		if (kind != INDENTED)
			continue;
		buf_add(out, text.p, text.n);
		l->pos = l->to = next;
		l->last = number - 1;
		l->number = number;
	}
}

enum line_kind
lines_next_any(struct lines *l, struct buf *out)
{
	struct str     text;
	const char    *next;
	enum physical  kind;

	buf_clear(out);
	if (l->pos >= l->end)
		return LINE_END;
	kind = look(l->pos, l->end, &text, &next);
	l->from = l->pos;
	l->pos = l->to = next;
	l->first = l->last = l->number++;
	l->indented = kind == INDENTED;
	buf_add(out, text.p, text.n);
	if (kind == BLANK || kind == COMMENT)
		return LINE_COMMENT;

	join_rest(l, out);
	while (out->len > 0 && is_space(out->data[out->len - 1]))
		buf_cut(out, out->len - 1);
	return LINE_TEXT;
}

bool
lines_next(struct lines *l, struct buf *out)
{
	enum line_kind kind;

	do {
		kind = lines_next_any(l, out);
	} while (kind == LINE_COMMENT);
	return kind == LINE_TEXT;
}

const char *
lines_split(char *line, char **ret_name, char **ret_value)
{
	char *name = text_trim(line), *p = name, *end;

	if (*p == '=' || *p == '\0')
		return "missing attribute name";
	while (*p != '\0' && *p != '=' && !is_space(*p) && *p != '\n')
		p++;
	end = p;
	while (is_space(*p) || *p == '\n')
		p++;
	if (*p != '=')
		return "missing '=' after attribute name";
	*end = '\0';
	*ret_name = name;
	*ret_value = text_trim(p + 1);
	return NULL;
}
