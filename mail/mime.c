#include <string.h>

#include "mail/header.h"
#include "mail/mime.h"
#include "util/mem.h"

/*
 *		 field lines		mime_record()
 *	header ------------> header	header_record()
 *	   | an empty or another line	end_header()
 *	   v
 *	 body	message: header again
 *	   | a boundary of any multipart around: take_boundary()
 *	   v
 *	header of the next part, or after the last one the epilogue: body
 *
 * A boundary counts from the Content-Type field on that has it, whatever
 * other Content-Type the same header has: a part must not hide from checks by
 * contradicting itself.
 */
enum {
	EXTRACT = 100,		/* bytes shown of what is wrong */
	DEPTH_GRACE = 2,	/* multiparts more than the limit says */
};

struct level {
	char	*boundary;
	size_t	 len;
	bool	 digest;
};

struct mime {
	struct mime_rules	   rules;
	const struct mime_handler *handler;
	void			  *arg;
	bool			   in_header;
	enum mime_header	   where;	/* if in_header */
	bool			   in_line;	/* the last record goes on */
	bool			   field_full;	/* the rest of it is dropped */
	struct buf		   field;
	struct buf		   quoted;
	struct level		  *levels;
	int			   depth, levels_size;
	/* what this header said so far, or the last one */
	enum mime_type		   type;
	enum mime_encoding	   encoding;
	bool			   to_quoted;	/* the body is converted */
	struct mime_quoted	   line;	/* the quoted line */
	size_t			   offset;	/* in the body */
	unsigned		   errors;
};

static void
begin_header(struct mime *m, enum mime_header where)
{
	m->in_header = true;
	m->where = where;
	m->type = MIME_TEXT;
	m->encoding = MIME_7BIT;
	m->to_quoted = false;
	/* RFC 2046 5.1.5: the parts of a digest are messages. */
	if (where == MIME_PART && m->levels[m->depth - 1].digest)
		m->type = MIME_MESSAGE;
}

struct mime *
mime_new(const struct mime_rules *rules, const struct mime_handler *handler,
    void *arg)
{
	struct mime *m = NEW(struct mime);

	m->rules = *rules;
	m->handler = handler;
	m->arg = arg;
	m->field = m->quoted = (struct buf)BUF_INIT;
	begin_header(m, MIME_PRIMARY);
	return m;
}

void
mime_free(struct mime *m)
{
	if (m == NULL)
		return;
	while (m->depth > 0)
		mem_free(m->levels[--m->depth].boundary);
	mem_free(m->levels);
	buf_done(&m->field);
	buf_done(&m->quoted);
	mem_free(m);
}

static void
fail(struct mime *m, enum mime_error error, struct str where)
{
	if ((m->errors & error) != 0)
		return;
	m->errors |= error;
	if (where.n > EXTRACT)
		where.n = EXTRACT;
	if (m->handler->error != NULL)
		m->handler->error(m->arg, error, where);
}

static bool
has_8bit(const char *p, size_t n)
{
	unsigned char all = 0;

	for (size_t i = 0; i < n; i++)
		all |= (unsigned char)p[i];
	return all >= 0x80;
}

/* --- fields */

static void
push(struct mime *m, struct str boundary, bool digest)
{
	struct level *l;

	if (m->depth >= m->rules.nesting_limit + DEPTH_GRACE) {
		fail(m, MIME_ERROR_NESTING,
		    (struct str){ m->field.data, m->field.len });
		return;
	}
	if (m->depth == m->levels_size) {
		m->levels_size += 8;
		m->levels = mem_realloc(m->levels,
		    (size_t)m->levels_size * sizeof *m->levels);
	}
	l = &m->levels[m->depth++];
	l->len = boundary.n < m->rules.boundary_limit ? boundary.n :
	    m->rules.boundary_limit;
	l->boundary = mem_strndup(boundary.p, l->len);
	l->digest = digest;
}

static void
take_type(struct mime *m, struct str value)
{
	struct buf boundary = BUF_INIT;

	m->type = mime_parse_type(value, &boundary);
	if (boundary.len > 0)
		push(m, (struct str){ boundary.data, boundary.len },
		    m->type == MIME_DIGEST);
	buf_done(&boundary);
}

static struct str
value_of(const struct mime *m, size_t name_len)
{
	return (struct str){ m->field.data + name_len + 1,
	    m->field.len - name_len - 1 };
}

/* What becomes quoted-printable does not keep its word. */
static bool
take_meaning(struct mime *m, const struct mime_field *f)
{
	if ((m->rules.options & MIME_NO_STRUCTURE) != 0 || f->fact == NULL)
		return true;
	if (f->fact->id == HEADER_CONTENT_TYPE)
		take_type(m, value_of(m, f->name_len));
	else if (f->fact->id == HEADER_CONTENT_TRANSFER_ENCODING) {
		m->encoding = mime_parse_encoding(value_of(m, f->name_len));
		return (m->rules.options & MIME_TO_7BIT) == 0 ||
		    (m->encoding != MIME_8BIT && m->encoding != MIME_BINARY);
	}
	return true;
}

static void
end_field(struct mime *m)
{
	struct mime_field f = { .where = m->where, .text = &m->field };
	bool		  keep;

	if (m->field.len == 0)
		return;
	/* to tables, and to many programs, a NUL ends it */
	buf_cut(&m->field, strlen(m->field.data));
	f.name_len = header_name_len(m->field.data, m->field.len);
	f.fact = header_find((struct str){ m->field.data, f.name_len });
	if ((m->rules.options & MIME_FIND_8BIT) != 0 &&
	    has_8bit(m->field.data, m->field.len))
		fail(m, MIME_ERROR_8BIT_HEADER,
		    (struct str){ m->field.data, m->field.len });
	keep = take_meaning(m, &f);
	if (keep && m->handler->field != NULL)
		m->handler->field(m->arg, &f);
	buf_clear(&m->field);
	m->field_full = false;
}

static void
add_to_field(struct mime *m, const char *p, size_t n)
{
	if (m->field.len < m->rules.header_limit && !m->field_full)
		buf_add(&m->field, p, n);
	else
		m->field_full = true;
}

/* "Name :text" becomes "Name:text". */
static void
begin_field(struct mime *m, const char *p, size_t n, size_t name_len)
{
	const char *colon = memchr(p, ':', n);

	end_field(m);
	buf_add(&m->field, p, name_len);
	buf_add(&m->field, colon, n - (size_t)(colon - p));
}

/* --- ends of headers */

/* RFC 2045 6.4: only identity encodings; RFC 2046 5.2: and 7bit for messages
 * that are not whole.  RFC 6532 3.5 lets message/global be encoded. */
static void
check_encoding(struct mime *m)
{
	bool bad;

	switch (m->type) {
	case MIME_MULTIPART:
	case MIME_DIGEST:
	case MIME_MESSAGE:
		bad = m->encoding == MIME_QUOTED ||
		    m->encoding == MIME_BASE64;
		break;
	case MIME_MESSAGE_PART:
		bad = m->encoding == MIME_8BIT || m->encoding == MIME_BINARY;
		break;
	default:
		bad = false;
	}
	if (bad)
		fail(m, MIME_ERROR_ENCODING,
		    str_of(mime_encoding_name(m->encoding)));
}

static bool
is_converted(const struct mime *m)
{
	return (m->rules.options & MIME_TO_7BIT) != 0 &&
	    (m->encoding == MIME_8BIT || m->encoding == MIME_BINARY);
}

/*
 * The field that take_meaning() left out, now that the type is known.  Of a
 * message/... with no message in it Postfix says 7bit, and quotes it all the
 * same; this does as others have come to expect.
 */
static void
add_encoding(struct mime *m)
{
	static const char    name[] = "Content-Transfer-Encoding";
	struct mime_field    f = { .where = m->where, .text = &m->field };
	bool		     says_so;

	/* `fact` stays NULL: a field of our own is no MIME field for checks */
	says_so = m->type == MIME_TEXT || m->type == MIME_MESSAGE_GLOBAL;
	m->to_quoted = says_so || m->type == MIME_MESSAGE_PART ||
	    m->type == MIME_MESSAGE_OTHER;
	buf_addf(&m->field, "%s: %s", name,
	    says_so ? "quoted-printable" : "7bit");
	f.name_len = sizeof name - 1;
	if (m->handler->field != NULL)
		m->handler->field(m->arg, &f);
	buf_clear(&m->field);
}

static bool
has_message(const struct mime *m)
{
	return m->type == MIME_MESSAGE ||
	    (m->type == MIME_MESSAGE_GLOBAL && !m->to_quoted);
}

static void
end_header(struct mime *m, enum mime_header_end how)
{
	end_field(m);
	if (is_converted(m))
		add_encoding(m);
	if (m->handler->header_end != NULL)
		m->handler->header_end(m->arg, m->where, how);
	check_encoding(m);
	m->in_header = false;
	m->line = (struct mime_quoted){ 0 };
	m->offset = 0;
	if (has_message(m) && how == MIME_EMPTY_LINE)
		begin_header(m, MIME_NESTED);
}

/* --- bodies */

/* A boundary of any multipart around ends all that is within it. */
static bool
take_boundary(struct mime *m, const char *p, size_t n)
{
	int i = m->depth;

	if (n < 2 || p[0] != '-' || p[1] != '-')
		return false;
	while (--i >= 0)
		if (n - 2 >= m->levels[i].len && memcmp(p + 2,
		    m->levels[i].boundary, m->levels[i].len) == 0)
			break;
	if (i < 0)
		return false;
	p += 2 + m->levels[i].len;
	n -= 2 + m->levels[i].len;
	while (m->depth > i + 1)
		mem_free(m->levels[--m->depth].boundary);
	if (n >= 2 && p[0] == '-' && p[1] == '-') {
		mem_free(m->levels[--m->depth].boundary);
		m->type = MIME_TEXT;
		m->encoding = MIME_7BIT;
		m->to_quoted = false;
		m->offset = 0;
	} else {
		begin_header(m, MIME_PART);
	}
	return true;
}

static void
hand_over(struct mime *m, struct str record, bool ends_line)
{
	if (m->handler->body != NULL)
		m->handler->body(m->arg, record, ends_line, m->offset);
	m->offset += record.n + ends_line;
}

/* Soft line breaks make several records of one. */
static void
hand_over_quoted(struct mime *m, struct str record, bool ends_line)
{
	const char *p, *end, *lf;

	buf_clear(&m->quoted);
	mime_quote(&m->quoted, record, ends_line, &m->line);
	p = m->quoted.data;
	end = p + m->quoted.len;
	while ((lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		hand_over(m, (struct str){ p, (size_t)(lf - 1 - p) }, true);
		p = lf + 1;
	}
	hand_over(m, (struct str){ p, (size_t)(end - p) }, ends_line);
}

static void
body_record(struct mime *m, const char *p, size_t n, bool ends_line)
{
	struct str record = { p, n };

	if (!m->in_line && m->depth > 0 && take_boundary(m, p, n)) {
		hand_over(m, record, ends_line);
		return;
	}
	if ((m->rules.options & MIME_FIND_8BIT) != 0 &&
	    (m->errors & MIME_ERROR_8BIT_BODY) == 0 &&
	    m->encoding == MIME_7BIT && has_8bit(p, n))
		fail(m, MIME_ERROR_8BIT_BODY, record);
	if (m->to_quoted)
		hand_over_quoted(m, record, ends_line);
	else
		hand_over(m, record, ends_line);
}

static void
header_record(struct mime *m, const char *p, size_t n, bool ends_line)
{
	size_t name_len;

	if (m->in_line && m->field.len == 0) {
		/* of the boundary before this header */
		hand_over(m, (struct str){ p, n }, ends_line);
	} else if (m->in_line) {
		add_to_field(m, p, n);
	} else if (n > 0 && (p[0] == ' ' || p[0] == '\t') &&
	    m->field.len > 0) {
		add_to_field(m, "\n", 1);
		add_to_field(m, p, n);
	} else if ((name_len = header_name_len(p, n)) > 0) {
		begin_field(m, p, n, name_len);
	} else if (n == 0 && ends_line) {
		end_header(m, MIME_EMPTY_LINE);
	} else {
		end_header(m, MIME_OTHER_LINE);
		body_record(m, p, n, ends_line);
	}
}

void
mime_record(struct mime *m, const char *p, size_t n, bool ends_line)
{
	if (m->in_header)
		header_record(m, p, n, ends_line);
	else
		body_record(m, p, n, ends_line);
	m->in_line = !ends_line;
}

void
mime_end(struct mime *m)
{
	if (m->in_header)
		end_header(m, MIME_END_OF_INPUT);
	else if (m->line.held != '\0')
		hand_over(m, (struct str){ &m->line.held, 1 }, false);
}

/* --- questions */

bool
mime_in_body(const struct mime *m)
{
	return !m->in_header && !m->in_line;
}

bool
mime_has_boundaries(const struct mime *m)
{
	return m->depth > 0;
}

const struct buf *
mime_open_field(const struct mime *m)
{
	return &m->field;
}

unsigned
mime_errors(const struct mime *m)
{
	return m->errors;
}

const char *
mime_error_text(enum mime_error e)
{
	switch (e) {
	case MIME_ERROR_NESTING:
		return "MIME nesting exceeds safety limit";
	case MIME_ERROR_8BIT_HEADER:
		return "improper use of 8-bit data in message header";
	case MIME_ERROR_8BIT_BODY:
		return "improper use of 8-bit data in message body";
	case MIME_ERROR_ENCODING:
		return "invalid message/* or multipart/* encoding domain";
	}
	return "unknown error";
}

void
mime_add_lines(struct buf *to, struct str text)
{
	const char *p = text.p, *end = p + text.n, *lf;

	while ((lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		buf_add(to, p, (size_t)(lf - p));
		p = lf + 1;
		if (p < end && (*p == ' ' || *p == '\t'))
			buf_addc(to, '\r');
		buf_addc(to, '\n');
	}
	buf_add(to, p, (size_t)(end - p));
	buf_adds(to, "\r\n");
}
