#include <string.h>
#include <strings.h>

#include "mail/mime.h"

/* RFC 2045 5.1, with comments where RFC 822 has them. */
struct scan {
	const char	*p, *end;
};

static void
skip_space(struct scan *s)
{
	int depth = 0;

	for (; s->p < s->end; s->p++) {
		if (*s->p == '(')
			depth++;
		else if (*s->p == ')' && depth > 0)
			depth--;
		else if (depth > 0 && *s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		else if (depth == 0 && strchr(" \t\r\n", *s->p) == NULL)
			break;
		else if (*s->p == '\0' && depth == 0)
			break;
	}
}

static bool
take(struct scan *s, char c)
{
	skip_space(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static void
take_quoted(struct scan *s, struct buf *to)
{
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		if (*s->p != '\r' && *s->p != '\n')
			buf_addc(to, *s->p);
	}
	if (s->p < s->end)
		s->p++;
}

/* A token or quoted string into `to` (cleared). */
static void
take_word(struct scan *s, struct buf *to)
{
	buf_clear(to);
	skip_space(s);
	if (s->p < s->end && *s->p == '"') {
		take_quoted(s, to);
		return;
	}
	while (s->p < s->end && *s->p != '\0' &&
	    strchr(" \t\r\n;/=\"()", *s->p) == NULL)
		buf_addc(to, *s->p++);
}

/* Up to the next ';' that is neither quoted nor in a comment. */
static bool
next_parameter(struct scan *s, struct buf *scratch)
{
	while (skip_space(s), s->p < s->end) {
		const char *from = s->p;

		if (*s->p == ';') {
			s->p++;
			return true;
		}
		take_word(s, scratch);
		if (s->p == from)
			s->p++;
	}
	return false;
}

static void
find_boundary(struct scan *s, struct buf *boundary)
{
	struct buf name = BUF_INIT, value = BUF_INIT;

	while (boundary->len == 0 && next_parameter(s, &name)) {
		take_word(s, &name);
		if (!take(s, '='))
			continue;
		take_word(s, &value);
		if (strcasecmp(name.data, "boundary") == 0)
			buf_add(boundary, value.data, value.len);
	}
	buf_done(&name);
	buf_done(&value);
}

static enum mime_type
message_type(const char *subtype)
{
	static const struct {
		const char	*name;
		enum mime_type	 type;
	} types[] = {
		{ "rfc822", MIME_MESSAGE },
		{ "global", MIME_MESSAGE_GLOBAL },
		{ "partial", MIME_MESSAGE_PART },
		{ "external-body", MIME_MESSAGE_PART },
	};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcasecmp(subtype, types[i].name) == 0)
			return types[i].type;
	return MIME_MESSAGE_OTHER;
}

enum mime_type
mime_parse_type(struct str value, struct buf *boundary)
{
	struct scan    s = { value.p, value.p + value.n };
	struct buf     type = BUF_INIT, subtype = BUF_INIT;
	enum mime_type got = MIME_TEXT;

	take_word(&s, &type);
	if (take(&s, '/'))
		take_word(&s, &subtype);
	if (strcasecmp(type.data, "multipart") == 0) {
		got = strcasecmp(subtype.data, "digest") == 0 ? MIME_DIGEST :
		    MIME_MULTIPART;
		find_boundary(&s, boundary);
	} else if (strcasecmp(type.data, "message") == 0) {
		got = message_type(subtype.data);
	}
	buf_done(&type);
	buf_done(&subtype);
	return got;
}

static const char *const encodings[] = {
	[MIME_7BIT] = "7bit",
	[MIME_8BIT] = "8bit",
	[MIME_BINARY] = "binary",
	[MIME_QUOTED] = "quoted-printable",
	[MIME_BASE64] = "base64",
};

enum mime_encoding
mime_parse_encoding(struct str value)
{
	struct scan s = { value.p, value.p + value.n };
	struct buf  word = BUF_INIT;
	size_t	    i = sizeof encodings / sizeof *encodings;

	take_word(&s, &word);
	while (--i > 0 && strcasecmp(word.data, encodings[i]) != 0)
		;
	buf_done(&word);
	return (enum mime_encoding)i;
}

const char *
mime_encoding_name(enum mime_encoding e)
{
	return encodings[e];
}

enum { QUOTED_COLUMNS = 73 };	/* before a soft line break */

static void
quote_byte(struct buf *out, unsigned char c, bool literal,
    struct mime_quoted *q)
{
	static const char hex[] = "0123456789ABCDEF";

	if (q->column >= QUOTED_COLUMNS) {
		buf_adds(out, "=\r\n");
		q->column = 0;
	}
	if (literal) {
		buf_addc(out, (char)c);
		q->column++;
		return;
	}
	buf_addc(out, '=');
	buf_addc(out, hex[c >> 4]);
	buf_addc(out, hex[c & 15]);
	q->column += 3;
}

void
mime_quote(struct buf *out, struct str record, bool ends_line,
    struct mime_quoted *q)
{
	if (q->held != '\0' && (record.n > 0 || ends_line)) {
		quote_byte(out, (unsigned char)q->held, record.n > 0, q);
		q->held = '\0';
	}
	for (size_t i = 0; i < record.n; i++) {
		unsigned char c = (unsigned char)record.p[i];
		bool	      space = c == ' ' || c == '\t';

		if (space && i + 1 == record.n && !ends_line)
			q->held = (char)c;
		else
			quote_byte(out, c, space ? i + 1 < record.n :
			    c > ' ' && c < 127 && c != '=', q);
	}
	if (ends_line)
		q->column = 0;
}
