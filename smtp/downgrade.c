#include <string.h>
#include <strings.h>

#include "smtp/downgrade.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

/*
 *	     header of an entity
 *	 empty line |
 *	    +-------+--------+-----------------+
 *	    v                v                 v
 *	leaf (quoted-      message/rfc822:   multipart: preamble
 *	printable or as    another header
 *	it is)
 *	    | a line that is a boundary of any multipart around
 *	    v
 *	header of the next part, or after the last one the epilogue
 */
enum {
	DEPTH_MAX = 100,	/* multiparts within each other; deeper ones are
				   leaves that stay as they are */
	FIELD_MAX = 64 * 1024,	/* bytes of a field that is looked at whole */
	LINE_PIECE = 8 * 1024,	/* bytes: longer lines go out in pieces */
	QP_COLUMNS = 73,	/* before a soft line break */
};

enum mode { IN_HEADER, IN_BODY };

struct downgrade {
	enum mode	 mode;
	struct buf	 line;		/* what came of the current line */
	bool		 in_line;	/* its first piece was handled */
	struct buf	 field;		/* header field with continuations */
	char		*boundaries[DEPTH_MAX];
	bool		 is_digest[DEPTH_MAX];
	int		 depth;
	/* the entity whose header or body this is */
	bool		 is_multipart, is_message;
	char		*boundary;
	bool		 digest;
	bool		 encode;	/* it said 8bit or binary */
	bool		 quoted;	/* body: to be quoted-printable */
	size_t		 column;	/* of the quoted line so far */
};

static void
begin_header(struct downgrade *d)
{
	d->mode = IN_HEADER;
	d->is_multipart = false;
	/* RFC 2046 5.1.5: the parts of a digest are messages. */
	d->is_message = d->depth > 0 && d->is_digest[d->depth - 1];
	d->digest = d->encode = d->quoted = false;
	mem_free(d->boundary);
	d->boundary = NULL;
}

struct downgrade *
downgrade_new(void)
{
	struct downgrade *d = NEW(struct downgrade);

	d->line = d->field = (struct buf)BUF_INIT;
	begin_header(d);
	return d;
}

void
downgrade_free(struct downgrade *d)
{
	if (d == NULL)
		return;
	while (d->depth > 0)
		mem_free(d->boundaries[--d->depth]);
	mem_free(d->boundary);
	buf_done(&d->line);
	buf_done(&d->field);
	mem_free(d);
}

/* --- values of header fields: RFC 2045 5.1 with comments */

static const char *
skip_space(const char *p)
{
	int depth = 0;

	for (; *p != '\0'; p++) {
		if (*p == '(')
			depth++;
		else if (*p == ')' && depth > 0)
			depth--;
		else if (depth > 0 && *p == '\\' && p[1] != '\0')
			p++;
		else if (depth == 0 && strchr(" \t\r\n", *p) == NULL)
			break;
	}
	return p;
}

/* A token or quoted string into `to` (cleared); where it ends. */
static const char *
take_word(const char *p, struct buf *to)
{
	buf_clear(to);
	p = skip_space(p);
	if (*p != '"') {
		size_t n = strcspn(p, " \t\r\n;/=\"()");

		buf_add(to, p, n);
		return p + n;
	}
	for (p++; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		if (*p != '\r' && *p != '\n')
			buf_addc(to, *p);
	}
	return *p == '"' ? p + 1 : p;
}

static void
take_boundary(struct downgrade *d, const char *p)
{
	struct buf name = BUF_INIT, value = BUF_INIT;

	while (*(p = skip_space(p)) == ';') {
		p = skip_space(take_word(p + 1, &name));
		if (*p == '=')
			p = take_word(p + 1, &value);
		if (strcasecmp(name.data, "boundary") == 0 && value.len > 0 &&
		    d->boundary == NULL)
			d->boundary = mem_strndup(value.data, value.len);
		p += strcspn(p, ";");
	}
	buf_done(&name);
	buf_done(&value);
}

static void
take_type(struct downgrade *d, const char *value)
{
	struct buf type = BUF_INIT, subtype = BUF_INIT;
	const char *p = skip_space(take_word(value, &type));

	if (*p == '/')
		p = take_word(p + 1, &subtype);
	d->is_multipart = strcasecmp(type.data, "multipart") == 0;
	d->is_message = strcasecmp(type.data, "message") == 0 &&
	    (strcasecmp(subtype.data, "rfc822") == 0 ||
	    strcasecmp(subtype.data, "global") == 0);
	d->digest = strcasecmp(subtype.data, "digest") == 0;
	if (d->is_multipart)
		take_boundary(d, p + strcspn(p, ";"));
	buf_done(&type);
	buf_done(&subtype);
}

static const char *
field_value(const struct buf *field, const char *name)
{
	size_t n = strlen(name);
	const char *p = field->data + n;

	if (field->len <= n || strncasecmp(field->data, name, n) != 0)
		return NULL;
	p += strspn(p, " \t");
	return *p == ':' ? p + 1 : NULL;
}

/* The field is complete: out with it, unless it will be another. */
static void
end_field(struct downgrade *d, struct buf *out)
{
	struct buf word = BUF_INIT;
	const char *value;
	bool drop = false;

	if ((value = field_value(&d->field, "Content-Type")) != NULL)
		take_type(d, value);
	else if ((value = field_value(&d->field,
	    "Content-Transfer-Encoding")) != NULL) {
		take_word(value, &word);
		drop = strcasecmp(word.data, "8bit") == 0 ||
		    strcasecmp(word.data, "binary") == 0;
		d->encode = drop;
	}
	if (!drop)
		buf_add(out, d->field.data, d->field.len);
	buf_clear(&d->field);
	buf_done(&word);
}

/* What the body will be is known: say it. */
static void
end_header(struct downgrade *d, struct buf *out)
{
	bool nested;

	end_field(d, out);	/* the last one may tell the type */
	nested = d->is_message || (d->is_multipart && d->boundary != NULL &&
	    d->depth < DEPTH_MAX);
	d->mode = IN_BODY;
	d->quoted = d->encode && !nested && !d->is_multipart;
	d->column = 0;
	if (d->encode)
		buf_addf(out, "Content-Transfer-Encoding: %s\r\n",
		    d->quoted ? "quoted-printable" : "7bit");
	if (nested && d->is_multipart) {
		d->boundaries[d->depth] = d->boundary;
		d->is_digest[d->depth++] = d->digest;
		d->boundary = NULL;
	}
}

/* --- bodies */

static bool
is_boundary(const struct buf *line, const char *boundary, bool *ret_last)
{
	size_t n = strlen(boundary);
	const char *rest = line->data + 2 + n;

	if (line->len < n + 2 || line->data[0] != '-' ||
	    line->data[1] != '-' || memcmp(line->data + 2, boundary, n) != 0)
		return false;
	*ret_last = rest[0] == '-' && rest[1] == '-';
	return true;
}

/* A boundary of any multipart around ends all that is within it. */
static bool
take_boundary_line(struct downgrade *d)
{
	bool is_last;

	if (d->line.len < 2 || d->line.data[0] != '-' ||
	    d->line.data[1] != '-')
		return false;
	for (int i = d->depth - 1; i >= 0; i--) {
		if (!is_boundary(&d->line, d->boundaries[i], &is_last))
			continue;
		while (d->depth > i + !is_last)
			mem_free(d->boundaries[--d->depth]);
		begin_header(d);
		if (is_last)
			d->mode = IN_BODY;	/* the epilogue */
		return true;
	}
	return false;
}

static void
quote_byte(struct downgrade *d, unsigned char c, bool literal,
    struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";

	if (d->column >= QP_COLUMNS) {
		buf_adds(out, "=\r\n");
		d->column = 0;
	}
	if (literal) {
		buf_addc(out, (char)c);
		d->column++;
		return;
	}
	buf_addc(out, '=');
	buf_addc(out, hex[c >> 4]);
	buf_addc(out, hex[c & 15]);
	d->column += 3;
}

/* RFC 2045 6.7; white space at the end of a line is quoted. */
static void
quote_line(struct downgrade *d, bool has_end, struct buf *out)
{
	size_t len = d->line.len;

	if (has_end)
		len -= len > 1 && d->line.data[len - 2] == '\r' ? 2 : 1;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)d->line.data[i];
		bool at_end = i + 1 == len;

		quote_byte(d, c, (c > ' ' && c < 127 && c != '=') ||
		    ((c == ' ' || c == '\t') && !at_end), out);
	}
	if (has_end) {
		buf_adds(out, "\r\n");
		d->column = 0;
	}
}

static void
body_line(struct downgrade *d, bool has_end, struct buf *out)
{
	if (!d->in_line && take_boundary_line(d))
		buf_add(out, d->line.data, d->line.len);
	else if (d->quoted)
		quote_line(d, has_end, out);
	else
		buf_add(out, d->line.data, d->line.len);
}

static bool
is_empty_line(const struct buf *line)
{
	return line->len <= 2 && line->len > 0 &&
	    line->data[line->len - 1] == '\n' &&
	    (line->len == 1 || line->data[0] == '\r');
}

static void
header_line(struct downgrade *d, struct buf *out)
{
	bool continues = d->in_line || d->line.data[0] == ' ' ||
	    d->line.data[0] == '\t';

	if (!continues)
		end_field(d, out);
	if (!d->in_line && is_empty_line(&d->line)) {
		bool is_message;

		end_header(d, out);
		is_message = d->is_message;
		buf_add(out, d->line.data, d->line.len);
		if (is_message) {
			begin_header(d);
			d->is_message = false;
		}
	} else if (!d->in_line && take_boundary_line(d)) {
		/* a part without an empty line */
		buf_add(out, d->line.data, d->line.len);
	} else if (d->field.len + d->line.len > FIELD_MAX) {
		end_field(d, out);
		buf_add(out, d->line.data, d->line.len);
	} else
		buf_add(&d->field, d->line.data, d->line.len);
}

static void
handle_line(struct downgrade *d, bool has_end, struct buf *out)
{
	if (d->mode == IN_HEADER)
		header_line(d, out);
	else
		body_line(d, has_end, out);
	d->in_line = !has_end;
	buf_clear(&d->line);
}

void
downgrade_feed(struct downgrade *d, const char *text, size_t len,
    struct buf *out)
{
	while (len > 0) {
		const char *lf = memchr(text, '\n', len);
		size_t n = lf != NULL ? (size_t)(lf - text) + 1 : len;

		/* CR and LF stay together: room for both is left. */
		if (d->line.len + n > LINE_PIECE + 2)
			n = d->line.len < LINE_PIECE ?
			    LINE_PIECE - d->line.len : 1;
		buf_add(&d->line, text, n);
		text += n;
		len -= n;
		if (d->line.data[d->line.len - 1] == '\n')
			handle_line(d, true, out);
		else if (d->line.len >= LINE_PIECE &&
		    d->line.data[d->line.len - 1] != '\r')
			handle_line(d, false, out);
	}
}

void
downgrade_end(struct downgrade *d, struct buf *out)
{
	if (d->line.len > 0)
		handle_line(d, false, out);
	if (d->mode == IN_HEADER)
		end_field(d, out);
}
