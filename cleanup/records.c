#include <string.h>

#include "cleanup/inspect.h"
#include "cleanup/message.h"
#include "conf/param.h"

/*
 * From bytes to records, lines of at most line_length_limit bytes, for the
 * parser of the structure.  Most content is spared that: as soon as only
 * plain text can follow it is taken as it comes (m->opaque), and within a
 * multipart only lines that may be boundaries are looked at.
 *
 * A CR or LF that is no part of a line end is what smuggled messages are made
 * of: see body.c.
 */

/* A byte that is left in a record; false: a space takes its place. */
static bool
is_kept(struct message *m, unsigned flag)
{
	if (conf_mail.cleanup_replace_stray_cr_lf)
		return false;
	m->facts.content_flags |= flag;
	return true;
}

static void
replace_stray(struct message *m, char *p, size_t n)
{
	char *cr;

	while (n > 0 && (cr = memchr(p, '\r', n)) != NULL) {
		if (!is_kept(m, CONTENT_BARE_CR))
			*cr = ' ';
		n -= (size_t)(cr + 1 - p);
		p = cr + 1;
	}
}

static void
put_record(struct message *m, char *p, size_t n, bool ends_line)
{
	struct str record = { p, n };

	replace_stray(m, p, n);
	if (m->in_header)
		header_record(m, record, ends_line);
	else
		mime_record(m->mime, p, n, ends_line);
}

static size_t
limit(void)
{
	return conf_mail.line_length_limit > 0 ?
	    (size_t)conf_mail.line_length_limit : SIZE_MAX;
}

/* What is more than a record goes out in pieces; a CR at the end waits for
 * its LF. */
static void
put_pieces(struct message *m)
{
	size_t at = 0;

	while (m->line.len - at > limit()) {
		put_record(m, m->line.data + at, limit(), false);
		at += limit();
	}
	buf_skip(&m->line, at);
}

static void
end_line(struct message *m)
{
	buf_cut(&m->line, m->line.len - 1);
	put_pieces(m);
	put_record(m, m->line.data, m->line.len, true);
	buf_clear(&m->line);
}

/* Up to and with the next LF, or what there is.  The number of bytes used. */
static size_t
take_line(struct message *m, const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);
	size_t	    len = lf == NULL ? n : (size_t)(lf - p);

	buf_add(&m->line, p, len);
	if (lf == NULL) {
		put_pieces(m);
		return n;
	}
	if (m->line.len > 0 && m->line.data[m->line.len - 1] == '\r')
		end_line(m);
	else
		buf_addc(&m->line, is_kept(m, CONTENT_BARE_LF) ? '\n' : ' ');
	return len + 1;
}

/* Content that nobody looks at.  The number of bytes used; 0: look. */
static size_t
take_plain(struct message *m, const char *p, size_t n)
{
	if (m->line.len > 0 || !mime_in_body(m->mime) || inspect_wants_body(m))
		return 0;
	if (mime_has_boundaries(m->mime))
		return body_plain_lines(m, p, n);
	m->opaque = true;
	return 0;
}

void
records_bytes(struct message *m, const char *p, size_t n)
{
	size_t used;

	while (n > 0 && message_goes_on(m)) {
		used = m->opaque ? 0 : take_plain(m, p, n);
		if (m->opaque) {
			body_bytes(m, p, n);
			return;
		}
		if (used == 0)
			used = take_line(m, p, n);
		p += used;
		n -= used;
	}
}

void
records_end(struct message *m)
{
	if (m->line.len > 0) {
		put_pieces(m);
		put_record(m, m->line.data, m->line.len, m->in_header);
		buf_clear(&m->line);
	}
	if (!message_goes_on(m))
		return;
	mime_end(m->mime);
	body_end(m);
}
