#include <string.h>

#include "cleanup/message.h"
#include "conf/param.h"

/*
 * Content is looked at once, a line at a time, with memchr(3): what the
 * delivery agents must know of it goes into the trailer, so that they can
 * send the file as it is.
 *
 * A CR or LF that is not part of a line end is what smuggled messages are
 * made of: other systems may take it for one.  It becomes a space
 * (cleanup_replace_stray_cr_lf), or is noted.
 */

static bool
has_8bit(const char *p, size_t n)
{
	uint64_t all[4] = { 0 }, words[4];
	char	 rest = 0;

	for (; n >= sizeof words; p += sizeof words, n -= sizeof words) {
		memcpy(words, p, sizeof words);
		for (int i = 0; i < 4; i++)
			all[i] |= words[i];
	}
	for (; n > 0; p++, n--)
		rest |= *p;
	return (((all[0] | all[1] | all[2] | all[3]) & 0x8080808080808080) |
	    (rest & 0x80)) != 0;
}

static void
count_line(struct queue_trailer *t, uint64_t len, long line_limit)
{
	t->size += queue_size_of_line(len, (uint64_t)line_limit);
	if (len > t->longest_line)
		t->longest_line = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
}

/* As Postfix receives it, a line that just fills records has an empty one
 * more to end it. */
static void
count_body_line(struct queue_trailer *t, uint64_t len)
{
	long limit = conf_mail.line_length_limit;

	count_line(t, len, limit);
	if (limit > 0 && len >= (uint64_t)limit && len % (uint64_t)limit == 0)
		t->size += queue_size_of_line(0, 0);
}

/* The first bytes of a line.  If fewer than five have come it may be called
 * a From line wrongly: that does no harm. */
static void
note_line_start(struct queue_trailer *t, const char *p, size_t n)
{
	if (p[0] == '.')
		t->content_flags |= CONTENT_LEADING_DOT;
	else if (p[0] == 'F' && memcmp(p, "From ", n < 5 ? n : 5) == 0)
		t->content_flags |= CONTENT_FROM_LINE;
}

/* A CR or LF by itself. */
static void
put_stray(struct message *m, char c)
{
	if (conf_mail.cleanup_replace_stray_cr_lf) {
		c = ' ';
	} else {
		m->facts.content_flags |= c == '\r' ? CONTENT_BARE_CR :
		    CONTENT_BARE_LF;
	}
	queue_writer_body(&m->file, &c, 1);
	m->line_len++;
}

/* Bytes of one line, without its end. */
static void
put_line_bytes(struct message *m, const char *p, size_t n)
{
	const char *cr;

	while (n > 0) {
		if (m->line_len == 0)
			note_line_start(&m->facts, p, n);
		cr = memchr(p, '\r', n);
		size_t run = cr == NULL ? n : (size_t)(cr - p);

		queue_writer_body(&m->file, p, run);
		m->line_len += run;
		if (cr == NULL)
			return;
		put_stray(m, '\r');
		p += run + 1;
		n -= run + 1;
	}
}

static void
end_line(struct message *m)
{
	queue_writer_body(&m->file, "\r\n", 2);
	count_body_line(&m->facts, m->line_len);
	m->line_len = 0;
}

/*
 * Whole lines that need nothing but counting: the number of bytes that may
 * be written as they are.
 */
static size_t
count_plain_lines(struct message *m, const char *p, size_t n,
    bool stop_at_dashes)
{
	const char *from = p, *end = p + n, *lf;

	while ((lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (stop_at_dashes && p[0] == '-' && p[1] == '-')
			break;
		if (lf == p || lf[-1] != '\r' ||
		    memchr(p, '\r', (size_t)(lf - 1 - p)) != NULL)
			break;
		if (lf - 1 > p)
			note_line_start(&m->facts, p, (size_t)(lf - 1 - p));
		count_body_line(&m->facts, (uint64_t)(lf - 1 - p));
		p = lf + 1;
	}
	return (size_t)(p - from);
}

/* Up to and with the next LF, or what there is. */
static size_t
put_slowly(struct message *m, const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);
	size_t	    used = lf == NULL ? n : (size_t)(lf + 1 - p);
	size_t	    len = lf == NULL ? n : used - 1;
	bool	    cr = len > 0 && p[len - 1] == '\r';

	if (m->pending_cr && len > 0) {
		m->pending_cr = false;
		put_stray(m, '\r');
	}
	put_line_bytes(m, p, len - cr);
	if (lf == NULL) {
		m->pending_cr |= cr;
	} else if (cr || m->pending_cr) {
		m->pending_cr = false;
		end_line(m);
	} else {
		put_stray(m, '\n');
	}
	return used;
}

static void
note_bytes(struct queue_trailer *t, const char *p, size_t n)
{
	if (has_8bit(p, n))
		t->content_flags |= CONTENT_8BIT;
	if (memchr(p, '\0', n) != NULL)
		t->content_flags |= CONTENT_NUL;
}

size_t
body_plain_lines(struct message *m, const char *p, size_t n)
{
	size_t used = count_plain_lines(m, p, n, true);

	note_bytes(&m->facts, p, used);
	queue_writer_body(&m->file, p, used);
	return used;
}

/* Strays are known and dealt with. */
void
body_record(struct message *m, struct str record, bool ends_line)
{
	note_bytes(&m->facts, record.p, record.n);
	if (m->line_len == 0 && record.n > 0)
		note_line_start(&m->facts, record.p, record.n);
	queue_writer_body(&m->file, record.p, record.n);
	m->line_len += record.n;
	if (ends_line)
		end_line(m);
}

void
body_lines(struct message *m, const char *p, size_t n)
{
	const char *end = p + n, *lf;

	for (; p < end; p = lf + 2) {
		lf = memmem(p, (size_t)(end - p), "\r\n", 2);
		body_record(m, (struct str){ p, (size_t)(lf - p) }, true);
	}
}

void
body_bytes(struct message *m, const char *p, size_t n)
{
	size_t used;

	note_bytes(&m->facts, p, n);
	while (n > 0) {
		used = 0;
		if (m->line_len == 0 && !m->pending_cr) {
			used = count_plain_lines(m, p, n, false);
			queue_writer_body(&m->file, p, used);
		}
		if (used < n)
			used += put_slowly(m, p + used, n - used);
		p += used;
		n -= used;
	}
}

void
body_end(struct message *m)
{
	if (m->pending_cr)
		put_stray(m, '\r');
	m->pending_cr = false;
	if (m->line_len == 0)
		return;
	/* as Postfix counts it: an open record and an empty one that ends it */
	end_line(m);
	m->facts.size += queue_size_of_line(0, 0);
}

void
body_count_header(const struct buf *header, struct queue_trailer *t,
    long line_limit)
{
	const char *p = header->data, *end = p + header->len, *lf;

	if (has_8bit(p, header->len))
		t->content_flags |= CONTENT_8BIT | CONTENT_HEADER_8BIT;
	if (memchr(p, '\0', header->len) != NULL)
		t->content_flags |= CONTENT_NUL;
	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (lf - 1 > p)
			note_line_start(t, p, (size_t)(lf - 1 - p));
		count_line(t, (uint64_t)(lf - 1 - p), line_limit);
		p = lf + 1;
	}
}
