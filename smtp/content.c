#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mail/queue_file.h"
#include "smtp/content.h"
#include "smtp/filter.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/clock.h"
#include "util/stream.h"
#include "util/task.h"

enum {
	SMALL = 48 * 1024,	/* bytes: read at once, sent in one piece */
	PIECE = 64 * 1024,	/* bytes: between renewals of the deadline */
	STUFF_PIECE = 16 * 1024,
};

/* Each piece has its time; with smtp_per_request_deadline all of them together
 * have it, and what smtp_min_data_rate grants for what has gone. */
static void
renew_deadline(struct session *s)
{
	uint64_t sent = stream_bytes_out(s->stream) - s->content_from;
	int64_t	 granted = settings.min_data_rate > 0 ?
	    (int64_t)(sent * 1000 / (uint64_t)settings.min_data_rate) : 0;

	if (settings.per_request_deadline)
		stream_set_deadline_at(s->stream, s->content_since + granted +
		    settings.data_xfer_timeout * 1000L);
	else
		stream_set_deadline(s->stream, settings.data_xfer_timeout);
}

/* False, and the stream failed, when the file does not have it. */
static bool
read_piece(struct session *s, const struct queue_file *q, char *to, off_t at,
    size_t len)
{
	while (len > 0) {
		ssize_t n = pread(q->fd, to, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			stream_fail(s->stream, "queue file read error");
			return false;
		}
		to += n;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/*
 * All in one buffer and one write.  The file has the body before the header;
 * one read puts both where they belong.
 */
static bool
send_small(struct session *s, const struct queue_file *q, const char *end)
{
	size_t body = q->t.body_len, header = q->t.header_len;
	size_t len = body + header, end_len = strlen(end);
	char *text = mem_alloc(len + end_len);
	struct iovec iov[2] = {
		{ text + header, body }, { text, header },
	};
	bool ok = preadv(q->fd, iov, 2, queue_file_body_at(q)) ==
	    (ssize_t)len;

	if (!ok)
		ok = read_piece(s, q, text, queue_file_header_at(q), header) &&
		    read_piece(s, q, text + header, queue_file_body_at(q),
		    body);
	if (ok) {
		memcpy(text + len, end, end_len);
		renew_deadline(s);
		stream_write(s->stream, text, len + end_len);
	}
	mem_free(text);
	return ok;
}

static void
send_range(struct session *s, const struct queue_file *q, off_t at, size_t len)
{
	while (len > 0 && stream_failed(s->stream) == NULL) {
		size_t n = len < PIECE ? len : PIECE;

		renew_deadline(s);
		stream_send_file(s->stream, q->fd, at, n);
		at += (off_t)n;
		len -= n;
	}
}

/*
 * A line is cut after `limit` bytes (its end not counted: RFC 5321
 * 4.5.3.1.6) and goes on after CRLF and a space, which in a header is a
 * folded line and in text does little harm.
 */
bool
content_stuff(struct buf *out, const char *text, size_t len, size_t limit,
    size_t *at_line)
{
	const char *run = text, *end = text + len, *lf;
	bool	    broke = false;

	while (text < end) {
		size_t n = (size_t)(end - text), room;

		if (limit > 0 && *at_line >= limit && *text != '\r' &&
		    *text != '\n') {
			buf_add(out, run, (size_t)(text - run));
			run = text;
			buf_adds(out, "\r\n ");
			*at_line = 1;
			broke = true;
		} else if (*at_line == 0 && *text == '.') {
			buf_add(out, run, (size_t)(text - run));
			run = text;
			buf_addc(out, '.');
		}
		room = limit == 0 ? n : *at_line < limit ? limit - *at_line : 1;
		if (n > room)
			n = room;
		if ((lf = memchr(text, '\n', n)) != NULL)
			n = (size_t)(lf + 1 - text);
		text += n;
		*at_line = lf != NULL ? 0 : *at_line + n;
	}
	buf_add(out, run, (size_t)(end - run));
	return broke;
}

/* What the careful copy carries from piece to piece. */
struct copy {
	struct session		*s;
	const struct queue_file	*q;
	struct filter		*filter;	/* NULL: not wanted */
	size_t			 at_line;
	bool			 told;		/* of a broken line */
	char			*piece;
	struct buf		 converted, out;
};

static void
write_stuffed(struct copy *c, const char *text, size_t len)
{
	buf_clear(&c->out);
	if (content_stuff(&c->out, text, len,
	    (size_t)settings.line_length_limit, &c->at_line) && !c->told) {
		c->told = true;
		log_info("%s: breaking line > %d bytes with <CR><LF>SPACE",
		    c->s->queue_id, settings.line_length_limit);
	}
	renew_deadline(c->s);
	stream_write(c->s->stream, c->out.data, c->out.len);
}

static void
copy_text(struct copy *c, const char *text, size_t len)
{
	if (c->filter == NULL) {
		write_stuffed(c, text, len);
		return;
	}
	buf_clear(&c->converted);
	filter_feed(c->filter, text, len, &c->converted);
	write_stuffed(c, c->converted.data, c->converted.len);
	if (filter_has_failed(c->filter))
		stream_fail(c->s->stream, "table lookup error");
}

static bool
copy_range(struct copy *c, off_t at, size_t len)
{
	while (len > 0 && stream_failed(c->s->stream) == NULL) {
		size_t n = len < STUFF_PIECE ? len : STUFF_PIECE;

		if (!read_piece(c->s, c->q, c->piece, at, n))
			return false;
		at += (off_t)n;
		len -= n;
		copy_text(c, c->piece, n);
	}
	return true;
}

static enum content
copy_all(struct copy *c, const struct buf *front, const struct buf *header)
{
	const struct queue_file *q = c->q;
	bool			 ok = true;

	if (front != NULL)
		copy_text(c, front->data, front->len);
	if (header != NULL)
		copy_text(c, header->data, header->len);
	else
		ok = copy_range(c, queue_file_header_at(q), q->t.header_len);
	if (!ok || !copy_range(c, queue_file_body_at(q), q->t.body_len))
		return CONTENT_NO_FILE;
	if (c->filter == NULL)
		return CONTENT_SENT;
	buf_clear(&c->converted);
	if (!filter_has_failed(c->filter))
		filter_end(c->filter, &c->converted);
	write_stuffed(c, c->converted.data, c->converted.len);
	if (!filter_has_failed(c->filter))
		return CONTENT_SENT;
	stream_fail(c->s->stream, "table lookup error");
	return CONTENT_NO_TABLE;
}

static enum content
send_carefully(struct session *s, const struct queue_file *q,
    const struct content_form *form)
{
	struct copy c = { .s = s, .q = q, .piece = mem_alloc(STUFF_PIECE),
		.converted = BUF_INIT, .out = BUF_INIT };
	/* the filter looks at addresses as they were before */
	bool by_filter = form->header != NULL && filter_is_set();
	enum content result;

	if (form->to_7bit || filter_is_set())
		c.filter = filter_new(s->queue_id, form->to_7bit, by_filter);
	result = copy_all(&c, form->front, by_filter ? NULL : form->header);
	filter_free(c.filter);
	buf_done(&c.converted);
	buf_done(&c.out);
	mem_free(c.piece);
	return result;
}

static bool
needs_care(const struct queue_file *q, const struct content_form *form)
{
	uint32_t limit = settings.line_length_limit > 0 ?
		     (uint32_t)settings.line_length_limit : UINT32_MAX;

	return form->header != NULL || form->to_7bit || filter_is_set() ||
	    (q->t.content_flags & CONTENT_LEADING_DOT) ||
	    q->t.longest_line > limit ||
	    (form->front != NULL && form->front->len > limit);
}

enum content
content_send(struct session *s, const struct queue_file *q,
    const struct content_form *form)
{
	char end[16];
	bool as_is = !needs_care(q, form);
	enum content result = CONTENT_SENT;

	s->content_since = clock_ms();
	s->content_from = stream_bytes_out(s->stream);
	snprintf(end, sizeof end, ".\r\n%s", form->after);
	if (as_is && form->front != NULL)
		stream_write(s->stream, form->front->data, form->front->len);
	if (as_is && form->pause == 0 &&
	    q->t.header_len + q->t.body_len <= SMALL)
		return send_small(s, q, end) ? CONTENT_SENT : CONTENT_NO_FILE;
	if (as_is) {
		send_range(s, q, queue_file_header_at(q), q->t.header_len);
		send_range(s, q, queue_file_body_at(q), q->t.body_len);
	} else {
		result = send_carefully(s, q, form);
	}
	if (result != CONTENT_SENT)
		return result;
	renew_deadline(s);
	if (form->pause > 0 && stream_flush(s->stream))
		task_sleep_ms(form->pause * 1000L);
	stream_puts(s->stream, end);
	return CONTENT_SENT;
}
