#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/queue_dir.h"
#include "mail/queue_file.h"
#include "util/crc32c.h"
#include "util/frame.h"
#include "util/mem.h"

enum { COPY_PIECE = 32 * 1024 };	/* bytes */

_Static_assert(sizeof(struct queue_trailer) == 104,
    "the trailer has no padding");

uint64_t
queue_size_of_line(uint64_t len, uint64_t limit)
{
	uint64_t size = 0, piece;

	do {
		piece = len > limit && limit > 0 ? limit : len;
		size += 2 + piece;
		for (uint64_t n = piece; n >= 128; n >>= 7)
			size++;
		len -= piece;
	} while (len > 0);
	return size;
}

uint32_t
queue_trailer_crc(const struct queue_trailer *t, const void *envelope)
{
	uint32_t crc = crc32c(0, envelope, t->envelope_len);

	return crc32c(crc, t, offsetof(struct queue_trailer, crc));
}

static bool
read_at(int fd, void *to, size_t len, uint64_t offset)
{
	char   *p = to;
	ssize_t n;

	while (len > 0) {
		n = pread(fd, p, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return false;
		}
		p += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return true;
}

/* The lengths must add up to the file exactly, without overflow. */
static bool
trailer_is_sound(const struct queue_trailer *t, uint64_t file_len)
{
	uint64_t rest = file_len - sizeof *t;

	if (memcmp(t->magic, QUEUE_MAGIC, sizeof t->magic) != 0)
		return false;
	if (t->body_len > rest)
		return false;
	rest -= t->body_len;
	if (t->header_len > rest)
		return false;
	rest -= t->header_len;
	if (t->envelope_len > rest)
		return false;
	return rest - t->envelope_len == t->rcpt_count;
}

enum queue_open_result
queue_file_open_fd(struct queue_file *q, int fd)
{
	struct stat st;

	*q = (struct queue_file){ .fd = -1 };
	if (fstat(fd, &st) != 0)
		return QUEUE_FILE_ERROR;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof q->t)
		return QUEUE_FILE_DAMAGED;
	if (!read_at(fd, &q->t, sizeof q->t,
	    (uint64_t)st.st_size - sizeof q->t))
		return QUEUE_FILE_ERROR;
	if (!trailer_is_sound(&q->t, (uint64_t)st.st_size))
		return QUEUE_FILE_DAMAGED;
	q->fd = fd;
	q->file_len = st.st_size;
	return QUEUE_FILE_OK;
}

enum queue_open_result
queue_file_open(struct queue_file *q, const char *queue, const char *id,
    bool writable)
{
	enum queue_open_result got;
	int fd, error;

	q->fd = -1;
	fd = queue_open(queue, id, (writable ? O_RDWR : O_RDONLY) | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? QUEUE_FILE_MISSING :
		    errno == ELOOP ? QUEUE_FILE_DAMAGED : QUEUE_FILE_ERROR;
	got = queue_file_open_fd(q, fd);
	if (got != QUEUE_FILE_OK) {
		error = errno;
		close(fd);
		errno = error;
	}
	return got;
}

void
queue_file_close(struct queue_file *q)
{
	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
}

off_t
queue_file_body_at(const struct queue_file *q)
{
	(void)q;
	return 0;
}

off_t
queue_file_header_at(const struct queue_file *q)
{
	return (off_t)q->t.body_len;
}

static uint64_t
envelope_at(const struct queue_file *q)
{
	return q->t.body_len + q->t.header_len;
}

static uint64_t
status_at(const struct queue_file *q)
{
	return envelope_at(q) + q->t.envelope_len;
}

/* Which recipients are wanted: for queue_file_read_envelope all. */
struct range {
	uint32_t first, end;
	bool	 todo_only;
};

/* Adds recipient number n with its status, if it is wanted. */
static bool
add_rcpt(struct envelope *e, const struct frame_attr *a, uint32_t n,
    char status, const struct range *want)
{
	struct recipient *r;

	if (status != RCPT_TODO && status != RCPT_DONE)
		return false;
	if (n < want->first || n >= want->end ||
	    (want->todo_only && status != RCPT_TODO))
		return true;
	if (!envelope_read_rcpt(e, a))
		return false;
	r = &e->rcpt[e->rcpt_count - 1];
	r->status = status;
	r->index = n;
	return true;
}

static bool
parse_envelope(const struct queue_file *q, const char *bytes,
    struct envelope *e, const struct range *want)
{
	const struct frame f = { .bytes = { .data = (char *)(uintptr_t)bytes,
	    .len = q->t.envelope_len } };
	const char	 *status = bytes + q->t.envelope_len;
	struct frame_attr a;
	size_t		  pos = 0;
	uint32_t	  n = 0;

	while (n < want->end && frame_next(&f, &pos, &a))
		if (!envelope_is_rcpt(&a)) {
			if (!envelope_read_attr(e, &a))
				return false;
		} else if (n >= q->t.rcpt_count ||
		    !add_rcpt(e, &a, n, status[n], want)) {
			return false;
		} else {
			n++;
		}
	return n >= want->end || (n == q->t.rcpt_count && pos == f.bytes.len);
}

static bool
read_range(const struct queue_file *q, struct envelope *e,
    const struct range *want)
{
	size_t len = q->t.envelope_len + q->t.rcpt_count;
	char  *bytes = mem_alloc(len + 1);
	bool   ok;

	/* the sum is checked once: later readings of the same file see it */
	ok = read_at(q->fd, bytes, len, envelope_at(q)) &&
	    (want->first > 0 || queue_trailer_crc(&q->t, bytes) == q->t.crc) &&
	    parse_envelope(q, bytes, e, want);
	mem_free(bytes);
	return ok;
}

bool
queue_file_read_envelope(const struct queue_file *q, struct envelope *e)
{
	const struct range all = { .first = 0, .end = UINT32_MAX };

	return read_range(q, e, &all);
}

bool
queue_file_read_some(const struct queue_file *q, struct envelope *e,
    uint32_t first, uint32_t count, uint32_t *ret_next)
{
	uint32_t     total = q->t.rcpt_count;
	struct range want = { .first = first, .todo_only = true };

	if (first > total)
		first = want.first = total;
	want.end = count >= total - first ? UINT32_MAX : first + count;
	if (!read_range(q, e, &want))
		return false;
	*ret_next = want.end == UINT32_MAX ? total : want.end;
	return true;
}

bool
queue_file_mark(const struct queue_file *q, uint32_t index,
    enum rcpt_status status)
{
	char	c = (char)status;
	ssize_t n;

	if (index >= q->t.rcpt_count) {
		errno = ERANGE;
		return false;
	}
	do {
		n = pwrite(q->fd, &c, 1, (off_t)(status_at(q) + index));
	} while (n < 0 && errno == EINTR);
	return n == 1;
}

bool
queue_file_read_header(const struct queue_file *q, struct buf *to)
{
	size_t len = q->t.header_len;

	if (!read_at(q->fd, buf_room(to, len), len,
	    (uint64_t)queue_file_header_at(q)))
		return false;
	buf_grow(to, len);
	return true;
}

bool
queue_file_copy(const struct queue_file *q, off_t at, uint64_t len,
    queue_put_fn *put, void *arg)
{
	char   *piece = mem_alloc(COPY_PIECE);
	size_t	n;
	bool	ok = true;

	while (ok && len > 0) {
		n = len < COPY_PIECE ? (size_t)len : COPY_PIECE;
		ok = read_at(q->fd, piece, n, (uint64_t)at);
		if (ok)
			put(arg, piece, n);
		at += (off_t)n;
		len -= n;
	}
	mem_free(piece);
	return ok;
}
