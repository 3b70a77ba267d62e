#include <string.h>

#include "cleanup/message.h"
#include "conf/param.h"

/*
 * From lines to fields.  A field ends where a line begins that does not
 * continue it:
 *
 *	line	= name [space] ":" text		a new field
 *		| space text			goes on with the field
 *		| ""				the header ends, the body
 *						begins with this line
 *		| other				the header ends; an empty line
 *						is put before this one
 *
 * header_size_limit bounds a field: what is over it is dropped, but the line
 * that shows it to be no header is kept whole.
 */

static void
finish_field(struct message *m)
{
	if (m->field.len > 0)
		fields_apply(m);
	buf_clear(&m->field);
}

/* Fields that we add come last, when all that is there has been seen. */
static void
finish_header(struct message *m)
{
	finish_field(m);
	m->in_header = false;
	missing_add(m);
}

static void
limit_field(struct message *m)
{
	if (m->field.len > (size_t)conf_mail.header_size_limit)
		buf_cut(&m->field, (size_t)conf_mail.header_size_limit);
}

/* "Name :text" becomes "Name:text". */
static void
start_field(struct message *m, const char *line, size_t len, size_t name_len)
{
	const char *colon = memchr(line, ':', len);

	finish_field(m);
	buf_add(&m->field, line, name_len);
	buf_add(&m->field, colon, len - (size_t)(colon - line));
	limit_field(m);
}

static void
replace_stray(struct message *m, char *p, size_t n)
{
	char *cr;

	while (n > 0 && (cr = memchr(p, '\r', n)) != NULL) {
		if (conf_mail.cleanup_replace_stray_cr_lf)
			*cr = ' ';
		else
			m->facts.content_flags |= CONTENT_BARE_CR;
		n -= (size_t)(cr + 1 - p);
		p = cr + 1;
	}
}

/*
 * A line that a mailbox puts in front of a message is no header, but it is
 * not the end of one either: it comes right after the Received: field that
 * our client put in front.
 */
static bool
is_mailbox_line(const struct message *m)
{
	const char *p = m->line.data;

	while (*p == '>')
		p++;
	return m->header.len == 0 && strncmp(p, "From ", 5) == 0 &&
	    strncmp(m->field.data, "Received:", 9) == 0;
}

/* m->line holds a line without its end. */
static void
take_line(struct message *m)
{
	char  *p = m->line.data;
	size_t len = m->line.len, name_len;

	replace_stray(m, p, len);
	if (len == 0) {
		finish_header(m);
		body_bytes(m, "\r\n", 2);
	} else if ((p[0] == ' ' || p[0] == '\t') && m->field.len > 0) {
		buf_add(&m->field, "\r\n", 2);
		buf_add(&m->field, p, len);
		limit_field(m);
	} else if ((name_len = header_name_len(p, len)) > 0) {
		start_field(m, p, len, name_len);
	} else if (is_mailbox_line(m)) {
		finish_field(m);
		buf_adds(&m->field, "X-Mailbox-Line: ");
		buf_add(&m->field, p, len);
		limit_field(m);
	} else {
		finish_header(m);
		body_bytes(m, "\r\n", 2);
		body_bytes(m, p, len);
		body_bytes(m, "\r\n", 2);
	}
	buf_clear(&m->line);
	m->cut = false;
}

static bool
is_header_line(const struct message *m)
{
	const char *p = m->line.data;

	return ((p[0] == ' ' || p[0] == '\t') && m->field.len > 0) ||
	    header_name_len(p, m->line.len) > 0;
}

/*
 * A line that is longer than the limit and has not ended.  If it is no part
 * of a header it goes on as body.
 */
static void
limit_line(struct message *m)
{
	size_t limit = (size_t)conf_mail.header_size_limit;

	if (m->line.len <= limit)
		return;
	if (is_header_line(m)) {
		/* the last byte may be the CR of a line end */
		char last = m->line.data[m->line.len - 1];

		m->cut = true;
		buf_cut(&m->line, limit);
		if (last == '\r')
			buf_addc(&m->line, last);
		return;
	}
	finish_header(m);
	body_bytes(m, "\r\n", 2);
	body_bytes(m, m->line.data, m->line.len);
	buf_clear(&m->line);
}

/* A CR at the end of a cut line was kept only for the case that LF follows. */
static void
add_to_line(struct message *m, const char *p, size_t n)
{
	bool cr = n > 0 && p[n - 1] == '\r';

	if (!m->cut) {
		buf_add(&m->line, p, n);
	} else if (n > 0) {
		if (m->line.data[m->line.len - 1] == '\r')
			buf_cut(&m->line, m->line.len - 1);
		if (cr)
			buf_addc(&m->line, '\r');
	}
	limit_line(m);
}

size_t
header_bytes(struct message *m, const char *p, size_t n)
{
	const char *from = p, *end = p + n, *lf;

	while (p < end && m->in_header && m->status == CLEANUP_OK) {
		lf = memchr(p, '\n', (size_t)(end - p));
		add_to_line(m, p, (size_t)((lf == NULL ? end : lf) - p));
		p = lf == NULL ? end : lf;
		if (lf == NULL || !m->in_header)
			continue;
		p = lf + 1;
		if (m->line.len > 0 && m->line.data[m->line.len - 1] == '\r') {
			buf_cut(&m->line, m->line.len - 1);
			take_line(m);
		} else if (conf_mail.cleanup_replace_stray_cr_lf) {
			add_to_line(m, " ", 1);
		} else {
			m->facts.content_flags |= CONTENT_BARE_LF;
			add_to_line(m, "\n", 1);
		}
	}
	return (size_t)(p - from);
}

void
header_end(struct message *m)
{
	if (!m->in_header)
		return;
	if (m->line.len > 0)
		take_line(m);
	if (m->in_header)
		finish_header(m);
}
