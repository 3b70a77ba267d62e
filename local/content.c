#include "local/content.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/deliver.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/mem.h"
#include "util/text.h"

enum { CHUNK = 64 * 1024 };	/* bytes read from the queue file at once */

/* One delivery at a time: the buffers are kept from one to the next. */
static struct {
	struct buf	 in, out, header;
	struct buf	 whole;		/* body and header of a small message,
					   which many parts are made of */
	bool		 has_header, has_whole;
} content = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT, false, false };

static void
add_eol(struct buf *out, const struct content *c)
{
	if (c->eol == NULL)
		buf_addc(out, '\n');
	else
		buf_adds(out, c->eol);
}

static void
add_field(struct buf *out, const char *name, const char *internal, bool angle)
{
	buf_adds(out, name);
	buf_adds(out, angle ? ": <" : ": ");
	address_quote(out, internal);
	if (angle)
		buf_addc(out, '>');
}

static void
add_front(struct buf *out, const struct content *c, const char *sender)
{
	const struct {
		const char *name, *value;
		bool angle;
	} fields[] = {
		{ "Return-Path", c->return_path, true },
		{ "X-Original-To", c->original_to, false },
		{ "Delivered-To", c->delivered_to, false },
	};
	time_t	now = time(NULL);
	char	date[32];

	if (c->sender != NULL)
		sender = c->sender;
	if (c->postmark) {
		buf_adds(out, "From ");
		if (*sender == '\0')
			buf_adds(out, "MAILER-DAEMON");
		else
			address_quote(out, sender);
		buf_addf(out, "  %.24s", ctime_r(&now, date));
		add_eol(out, c);
	}
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (fields[i].value != NULL) {
			add_field(out, fields[i].name, fields[i].value,
			    fields[i].angle);
			add_eol(out, c);
		}
}

static void
add_line(struct buf *out, const char *p, size_t n, const struct content *c)
{
	if (c->quote_from && n >= 5 && memcmp(p, "From ", 5) == 0)
		buf_addc(out, '>');
	else if (c->stuff_dots && n > 0 && *p == '.')
		buf_addc(out, '.');
	buf_add(out, p, n);
	add_eol(out, c);
}

static bool
is_plain(const struct content *c)
{
	return c->eol == NULL && !c->quote_from && !c->stuff_dots;
}

/* As add_lines(), where lines only lose their CR: at most the last LF is more
 * than there was. */
static size_t
add_plain_lines(struct buf *out, const char *p, size_t len, bool at_end)
{
	const char *from = p, *end = p + len, *nl;
	char	   *start = buf_room(out, len + 1), *to = start;
	size_t	    n;

	while (p < end) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL) {
			if (!at_end)
				break;
			nl = end;
		}
		n = (size_t)(nl - p);
		if (nl < end && n > 0 && nl[-1] == '\r')
			n--;
		memcpy(to, p, n);
		to += n;
		*to++ = '\n';
		p = nl < end ? nl + 1 : end;
	}
	buf_grow(out, (size_t)(to - start));
	return (size_t)(p - from);
}

/*
 * Copies lines, CRLF becoming LF; what follows the last LF is left unless it is
 * the end.  A CR is only dropped before its LF, so a chunk that ends between
 * the two is no special case.  Returns how many bytes were taken.
 */
static size_t
add_lines(struct buf *out, const char *p, size_t len, const struct content *c,
    bool at_end)
{
	const char	*from = p, *end = p + len, *nl;
	size_t		 n;

	if (is_plain(c))
		return add_plain_lines(out, p, len, at_end);
	while ((nl = memchr(p, '\n', end - p)) != NULL) {
		n = nl - p;
		if (n > 0 && nl[-1] == '\r')
			n--;
		add_line(out, p, n, c);
		p = nl + 1;
	}
	if (at_end && p < end) {
		add_line(out, p, end - p, c);
		p = end;
	}
	return p - from;
}

static bool
put_out(int fd)
{
	bool ok = file_write_all(fd, content.out.data, content.out.len);

	buf_clear(&content.out);
	return ok;
}

/* A part of the queue file; text gathers in content.out. */
static bool
copy_part(int fd, const struct queue_file *f, off_t at, uint64_t len,
    const struct content *c)
{
	ssize_t	n;
	size_t	want;

	buf_clear(&content.in);
	while (len > 0) {
		want = len < CHUNK ? len : CHUNK;
		n = pread(f->fd, buf_room(&content.in, want), want, at);
		if (n <= 0) {
			if (n == 0)
				errno = EIO;	/* shorter than its trailer says */
			return false;
		}
		buf_grow(&content.in, n);
		at += n;
		len -= n;
		buf_skip(&content.in, add_lines(&content.out, content.in.data,
		    content.in.len, c, len == 0));
		if (content.out.len >= CHUNK && !put_out(fd))
			return false;
	}
	return true;
}

/* False: it is too large for that, or an error, which will be met again. */
static bool
read_whole(const struct queue_file *f)
{
	uint64_t len = f->t.body_len + f->t.header_len;

	if (content.has_whole || len > CHUNK)
		return content.has_whole;
	buf_clear(&content.whole);
	if (pread(f->fd, buf_room(&content.whole, len), len,
	    queue_file_body_at(f)) != (ssize_t)len)
		return false;
	buf_grow(&content.whole, len);
	content.has_whole = true;
	return true;
}

/* The header comes after the body in the file. */
static bool
copy_message(int fd, const struct queue_file *f, const struct content *c)
{
	const char *body;

	if (!read_whole(f))
		return copy_part(fd, f, queue_file_header_at(f),
		    f->t.header_len, c) && copy_part(fd, f,
		    queue_file_body_at(f), f->t.body_len, c);
	body = content.whole.data;
	add_lines(&content.out, body + f->t.body_len, f->t.header_len, c, true);
	add_lines(&content.out, body, f->t.body_len, c, true);
	return true;
}

bool
content_write(int fd, struct delivery *d, const struct content *c)
{
	const struct queue_file	*f = &d->file;
	struct content		 own = *c;

	own.quote_from = c->quote_from &&
	    (f->t.content_flags & CONTENT_FROM_LINE) != 0;
	own.stuff_dots = c->stuff_dots &&
	    (f->t.content_flags & CONTENT_LEADING_DOT) != 0;
	buf_clear(&content.out);
	add_front(&content.out, c, d->sender);
	if (!copy_message(fd, f, &own))
		return false;
	if (c->final_empty_line)
		add_eol(&content.out, c);
	return put_out(fd);
}

enum outcome
content_not_written(struct why *why, int error)
{
	why_set(why, error == EDQUOT || error == EFBIG ? "5.2.2" : "4.3.0",
	    "error writing message: %s", strerror(error));
	return why_outcome(why);
}

bool
content_wants_delivered_to(const char *what)
{
	return text_has_word(conf_mail.prepend_delivered_header, what);
}

/* The header block, read on first use; NULL with errno. */
static const char *
read_header(struct delivery *d)
{
	if (!content.has_header) {
		buf_clear(&content.header);
		if (read_whole(&d->file))
			buf_add(&content.header, content.whole.data +
			    d->file.t.body_len, d->file.t.header_len);
		else if (!queue_file_read_header(&d->file, &content.header))
			return NULL;
		content.has_header = true;
	}
	return content.header.data;
}

/* The next Delivered-To: field from *p on; false at the end. */
static bool
next_delivered_to(const char **p, struct str *ret)
{
	static const char name[] = "Delivered-To:";
	const char	 *line = *p, *nl;
	size_t		  n;

	for (; line != NULL && *line != '\0'; line = nl == NULL ? NULL :
	    nl + 1) {
		nl = strchr(line, '\n');
		if (!text_starts_nocase(line, name))
			continue;
		line += sizeof name - 1;
		line += strspn(line, " \t");
		n = strcspn(line, "\r\n");
		while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
			n--;
		*ret = (struct str){ line, n };
		*p = nl == NULL ? "" : nl + 1;
		return true;
	}
	return false;
}

bool
content_was_delivered_to(struct delivery *d, const char *address)
{
	const char *p = read_header(d);
	struct buf  quoted = BUF_INIT;
	struct str  field;
	bool	    found = false;

	address_quote(&quoted, address);
	while (!found && p != NULL && next_delivered_to(&p, &field))
		found = str_is_nocase(field, address) ||
		    str_is_nocase(field, quoted.data);
	buf_done(&quoted);
	return found;
}

bool
content_was_delivered_to_user(struct delivery *d, const char *user,
    const char *domain)
{
	const char *p = read_header(d), *at;
	size_t	    n = strlen(user);
	struct str  field;

	while (p != NULL && next_delivered_to(&p, &field)) {
		if (field.n <= n || strncasecmp(field.p, user, n) != 0 ||
		    strchr(conf_mail.recipient_delimiter, field.p[n]) == NULL)
			if (field.n <= n || field.p[n] != '@' ||
			    strncasecmp(field.p, user, n) != 0)
				continue;
		at = memrchr(field.p, '@', field.n);
		if (at != NULL && str_is_nocase((struct str){ at + 1,
		    field.n - (size_t)(at + 1 - field.p) }, domain))
			return true;
	}
	return false;
}

void
content_forget(void)
{
	content.has_header = content.has_whole = false;
}
