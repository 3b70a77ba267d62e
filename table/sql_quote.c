#include "table/sql_quote.h"

#include <ctype.h>
#include <string.h>

static bool
has_backslashes(const struct sql_quote *s)
{
	return s->place == SQL_ESCAPES || (s->dialect == SQL_MYSQL &&
	    (s->place == SQL_STRING || s->place == SQL_DOUBLE));
}

static void
step_plain(struct sql_quote *s, char c)
{
	if (c == '\'')
		s->place = s->dialect == SQL_PGSQL &&
		    (s->before == 'E' || s->before == 'e') ? SQL_ESCAPES :
		    SQL_STRING;
	else if (c == '"')
		s->place = SQL_DOUBLE;
	else if (c == '`' && s->dialect != SQL_PGSQL)
		s->place = SQL_BACKTICK;
}

/* A doubled quote closes and opens again, which comes to the same. */
static void
step(struct sql_quote *s, char c)
{
	static const char end[] = {
		[SQL_STRING] = '\'', [SQL_ESCAPES] = '\'',
		[SQL_DOUBLE] = '"', [SQL_BACKTICK] = '`',
	};

	if (s->escaped) {
		s->escaped = false;
		return;
	}
	if (s->place == SQL_PLAIN)
		step_plain(s, c);
	else if (c == '\\' && has_backslashes(s))
		s->escaped = true;
	else if (c == end[s->place]) {
		/* E'a''b': the second half is of the same kind. */
		s->before = s->place == SQL_ESCAPES ? 'E' : c;
		s->place = SQL_PLAIN;
		return;
	}
	s->before = c;
}

static bool
add_word(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!isalnum((unsigned char)text.p[i]) &&
		    text.p[i] != '_' && text.p[i] != '.')
			return false;
	buf_add(out, text.p, text.n);
	return true;
}

static void
add_doubling(struct buf *out, struct str text, const char *which)
{
	for (size_t i = 0; i < text.n; i++) {
		if (strchr(which, text.p[i]) != NULL)
			buf_addc(out, text.p[i]);
		buf_addc(out, text.p[i]);
	}
}

bool
sql_quote_add(void *arg, struct buf *out, struct str text, bool is_literal)
{
	struct sql_quote *s = arg;
	size_t		  from = out->len;

	if (is_literal) {
		for (size_t i = 0; i < text.n; i++)
			step(s, text.p[i]);
		buf_add(out, text.p, text.n);
		return true;
	}
	switch (s->place) {
	case SQL_PLAIN:
		return add_word(out, text);
	case SQL_STRING:
		return s->quote(s->arg, out, text);
	case SQL_ESCAPES:
		add_doubling(out, text, "'\\");
		return true;
	case SQL_DOUBLE:
		if (s->dialect != SQL_MYSQL) {
			add_doubling(out, text, "\"");
			return true;
		}
		/* A server set up without backslash escapes leaves '"'. */
		return s->quote(s->arg, out, text) &&
		    (memchr(text.p, '"', text.n) == NULL ||
		    strstr(out->data + from, "\\\"") != NULL);
	case SQL_BACKTICK:
		add_doubling(out, text, "`");
		return true;
	}
	return false;
}
