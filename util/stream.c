/*
 * stream - opening, closing, failing, reading
 *
 * Reading tries the system call first, except when the last one left nothing
 * behind and no edge came since: a session that answers and then waits for
 * the next command costs one read for each command, not two.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/stream_int.h"
#include "util/task.h"

enum {
	SPARE_BUFFERS = 64,	/* kept for reuse: half a megabyte */
	LARGE = 128 * 1024,	/* bytes of a large buffer */
	LARGE_MAX = 32,		/* in use at once: four megabytes */
	SPARE_LARGE = 4,
};

static struct {
	char	*free[SPARE_BUFFERS], *large[SPARE_LARGE];
	int	 count, large_count, large_in_use;
} spare;

char *
stream_buffer_get(void)
{
	if (spare.count > 0)
		return spare.free[--spare.count];
	return mem_alloc(STREAM_BUFFER);
}

void
stream_buffer_put(char *b)
{
	if (b == NULL)
		return;
	if (spare.count < SPARE_BUFFERS)
		spare.free[spare.count++] = b;
	else
		mem_free(b);
}

/* NULL: so many are in use that another would be too much. */
static char *
large_get(void)
{
	if (spare.large_in_use >= LARGE_MAX)
		return NULL;
	spare.large_in_use++;
	if (spare.large_count > 0)
		return spare.large[--spare.large_count];
	return mem_alloc(LARGE);
}

static void
large_put(char *b)
{
	spare.large_in_use--;
	if (spare.large_count < SPARE_LARGE)
		spare.large[spare.large_count++] = b;
	else
		mem_free(b);
}

/* --- life */

static enum stream_kind
kind_of(int fd)
{
	int	  domain;
	socklen_t len = sizeof domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
		return STREAM_FILE;
	return domain == AF_UNIX ? STREAM_UNIX : STREAM_INET;
}

static struct stream *
new_stream(int fd, enum stream_kind kind)
{
	struct stream *s = NEW(struct stream);

	s->fd = fd;
	s->kind = (uint8_t)kind;
	s->deadline = CLOCK_NEVER;
	s->fd_to_send = -1;
	return s;
}

struct stream *
stream_open_socket(int fd, int family)
{
	return new_stream(fd, family == AF_UNIX ? STREAM_UNIX : STREAM_INET);
}

struct stream *
stream_open(int fd)
{
	struct stream *s = new_stream(fd, kind_of(fd));
	int	       flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_NONBLOCK) == 0) {
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
		/* A terminal or pipe may be shared with our parent. */
		s->was_blocking = s->kind == STREAM_FILE;
	}
	return s;
}

static void
drop_in(struct stream *s)
{
	if (s->in_is_large)
		large_put(s->in);
	else
		stream_buffer_put(s->in);
	s->in = NULL;
	s->in_is_large = false;
	s->in_at = s->in_end = 0;
}

static void
drop_buffers(struct stream *s)
{
	drop_in(s);
	stream_buffer_put(s->out);
	s->out = NULL;
	s->out_len = 0;
}

static void
drop_fds(struct stream *s)
{
	while (s->fd_count > 0)
		close(s->fds_received[--s->fd_count]);
}

int
stream_detach(struct stream *s)
{
	int fd = s->fd;

	task_forget_fd(fd);
	if (s->was_blocking)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	drop_fds(s);
	drop_buffers(s);
	mem_free(s);
	return fd;
}

void
stream_abort(struct stream *s)
{
	if (s == NULL)
		return;
	if (s->ops != NULL)
		s->ops->close(s->ops_arg, s->fd);
	if (s->was_blocking) {
		close(stream_detach(s));
		return;
	}
	drop_fds(s);
	drop_buffers(s);
	task_close(s->fd);
	mem_free(s);
}

bool
stream_close(struct stream *s)
{
	bool ok;

	if (s == NULL)
		return true;
	ok = stream_flush_last(s);
	stream_abort(s);
	return ok;
}

int
stream_fd(const struct stream *s)
{
	return s->fd;
}

void
stream_set_deadline(struct stream *s, int seconds_from_now)
{
	s->deadline = clock_in(seconds_from_now);
}

void
stream_set_deadline_at(struct stream *s, int64_t ms)
{
	s->deadline = ms;
}

void
stream_set_ops(struct stream *s, const struct stream_ops *ops, void *arg)
{
	assert(s->in_at == s->in_end);
	s->ops = ops;
	s->ops_arg = arg;
	s->drained = false;
}

void *
stream_ops_arg(const struct stream *s, const struct stream_ops *ops)
{
	return s->ops == ops ? s->ops_arg : NULL;
}

/* --- failing */

const char *
stream_failed(const struct stream *s)
{
	return s->failed;
}

bool
stream_timed_out(const struct stream *s)
{
	return s->timed_out;
}

bool
stream_at_eof(const struct stream *s)
{
	return s->eof;
}

void
stream_fail(struct stream *s, const char *why)
{
	if (s->failed != NULL)
		return;
	s->failed = why;
	drop_buffers(s);
}

void
stream_fail_errno(struct stream *s, int error)
{
	const char *text = strerrordesc_np(error);

	stream_fail(s, text != NULL ? text : "unknown error");
}

bool
stream_wait(struct stream *s, int task_io)
{
	if (task_wait_fd(s->fd, (enum task_io)task_io, s->deadline))
		return true;
	if (s->failed == NULL)
		s->timed_out = true;
	stream_fail(s, "timed out");
	return false;
}

/* --- receiving */

/* One message of a Unix socket: a descriptor may come with it. */
static ssize_t
receive_unix(struct stream *s, void *p, size_t room)
{
	union {
		struct cmsghdr	head;
		char		space[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec	iov = { p, room };
	struct msghdr	m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	struct cmsghdr *c;
	ssize_t		n;

	n = recvmsg(s->fd, &m, MSG_CMSG_CLOEXEC);
	if (n < 0 || m.msg_controllen == 0)
		return n;
	for (c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		int fds[4];
		int count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
		for (int i = 0; i < count; i++) {
			if (s->fd_count < sizeof s->fds_received /
			    sizeof *s->fds_received)
				s->fds_received[s->fd_count++] = fds[i];
			else	/* nobody takes them */
				close(fds[i]);
		}
	}
	return n;
}

/*
 * Bytes, 0 at the end, -1 with errno.  EAGAIN: *ret_wait says what to wait
 * for.
 */
static ssize_t
receive(struct stream *s, void *p, size_t room, int *ret_wait)
{
	ssize_t n;

	*ret_wait = TASK_READ;
	if (s->eof_seen)
		return 0;
	task_be_fair();
	if (s->ops != NULL) {
		task_fd_try(s->fd, false);
		n = s->ops->read(s->ops_arg, s->fd, p, room, ret_wait);
	} else if (!task_fd_try(s->fd, s->drained)) {
		errno = EAGAIN;
		return -1;
	} else {
		do {
			n = s->kind == STREAM_UNIX ? receive_unix(s, p, room) :
			    read(s->fd, p, room);
		} while (n < 0 && errno == EINTR);
		s->drained = s->kind != STREAM_FILE && n < (ssize_t)room &&
		    s->fd_count == 0;
	}
	if (n > 0)
		s->bytes_in += (uint64_t)n;
	return n;
}

/* Waits for what receive() asked for, or fails the stream. */
static bool
wait_or_fail(struct stream *s, ssize_t n, int io)
{
	if (n == 0) {
		s->eof = true;
		stream_fail(s, "end of file");
		return false;
	}
	if (errno != EAGAIN) {
		stream_fail_errno(s, errno);
		return false;
	}
	if (s->in_at == s->in_end)
		drop_in(s);
	if (!stream_wait(s, io))
		return false;
	s->drained = false;
	return true;
}

static uint32_t
in_size(const struct stream *s)
{
	return s->in_is_large ? LARGE : STREAM_BUFFER;
}

/* Room behind what is buffered. */
static size_t
make_room(struct stream *s)
{
	if (s->in == NULL)
		s->in = stream_buffer_get();
	if (s->in_at == s->in_end) {
		s->in_at = s->in_end = 0;
	} else if (s->in_end == in_size(s)) {
		memmove(s->in, s->in + s->in_at, s->in_end - s->in_at);
		s->in_end -= s->in_at;
		s->in_at = 0;
	}
	return in_size(s) - s->in_end;
}

/* All that the last read had room for has come, and is consumed: the next
 * may take more. */
static void
take_larger(struct stream *s)
{
	char *large;

	if (s->in_is_large || s->in_end < STREAM_BUFFER ||
	    s->in_at < s->in_end || (large = large_get()) == NULL)
		return;
	drop_in(s);
	s->in = large;
	s->in_is_large = true;
}

/* A task knows what has come since; who has none does not ask in vain. */
static ssize_t
receive_or_wait(struct stream *s, void *p, size_t room, int *ret_wait)
{
	if (s->drained && s->ops == NULL && !s->eof_seen && !task_running()) {
		*ret_wait = TASK_READ;
		errno = EAGAIN;
		return -1;
	}
	return receive(s, p, room, ret_wait);
}

/* At least one byte more than there is; the buffer must not be full. */
static bool
fill(struct stream *s)
{
	ssize_t n;
	int	io;

	if (!stream_flush(s))
		return false;
	do {
		size_t room = make_room(s);

		n = receive_or_wait(s, s->in + s->in_end, room, &io);
		if (n > 0) {
			s->in_end += (uint32_t)n;
			return true;
		}
	} while (wait_or_fail(s, n, io));
	return false;
}

/* --- reading */

size_t
stream_buffered(const struct stream *s)
{
	return s->in_end - s->in_at;
}

size_t
stream_pending(struct stream *s)
{
	size_t	room;
	ssize_t n;
	int	io;

	if (s->failed != NULL || s->in_at < s->in_end)
		return stream_buffered(s);
	room = make_room(s);
	n = receive(s, s->in + s->in_end, room, &io);
	if (n > 0)
		s->in_end += (uint32_t)n;
	else if (n == 0)
		s->eof_seen = true;
	else if (errno != EAGAIN)
		stream_fail_errno(s, errno);
	if (n <= 0)
		drop_in(s);
	return stream_buffered(s);
}

size_t
stream_await(struct stream *s, int64_t until)
{
	size_t n = stream_pending(s);

	if (n > 0 || s->failed != NULL || s->eof_seen ||
	    !task_wait_fd(s->fd, TASK_READ, until))
		return n;
	s->drained = false;
	return stream_pending(s);
}

const char *
stream_peek_more(struct stream *s, size_t have, size_t *ret_len)
{
	assert(have < STREAM_BUFFER);
	if (s->failed != NULL)
		return NULL;
	take_larger(s);
	while (stream_buffered(s) <= have)
		if (!fill(s))
			return NULL;
	*ret_len = stream_buffered(s);
	return s->in + s->in_at;
}

const char *
stream_peek(struct stream *s, size_t *ret_len)
{
	return stream_peek_more(s, 0, ret_len);
}

void
stream_skip(struct stream *s, size_t n)
{
	assert(n <= stream_buffered(s) || s->failed != NULL);
	if (s->failed != NULL)
		return;
	s->in_at += (uint32_t)n;
}

bool
stream_read(struct stream *s, void *to, size_t len)
{
	char   *p = to;
	size_t	n, have;
	ssize_t got;
	int	io;

	while (len > 0 && s->failed == NULL) {
		have = stream_buffered(s);
		if (have > 0 || len < STREAM_BUFFER / 2) {
			if (have == 0 && !fill(s))
				break;
			have = stream_buffered(s);
			n = have < len ? have : len;
			memcpy(p, s->in + s->in_at, n);
			stream_skip(s, n);
		} else {
			/* Much is to come: past the buffer. */
			if (!stream_flush(s))
				break;
			got = receive(s, p, len, &io);
			if (got <= 0 && !wait_or_fail(s, got, io))
				break;
			n = got > 0 ? (size_t)got : 0;
		}
		p += n;
		len -= n;
	}
	return len == 0;
}

static enum line
line_too_long(struct stream *s, struct buf *line, size_t room)
{
	buf_add(line, s->in + s->in_at, room);
	stream_skip(s, room);
	return LINE_TOO_LONG;
}

enum line
stream_get_line(struct stream *s, struct buf *line, size_t max)
{
	size_t	    have, room, look, n;
	const char *p, *lf;

	buf_clear(line);
	for (;;) {
		room = max - line->len;
		if ((have = stream_buffered(s)) == 0) {
			if (s->failed != NULL || !fill(s))
				return LINE_NONE;
			have = stream_buffered(s);
		}
		p = s->in + s->in_at;
		/* One CR and the LF may follow a line of max bytes. */
		look = have < room + 2 ? have : room + 2;
		if ((lf = memchr(p, '\n', look)) != NULL) {
			n = (size_t)(lf - p);
			if (n > room && p[n - 1] != '\r')
				return line_too_long(s, line, room);
			buf_add(line, p, n > 0 && p[n - 1] == '\r' ? n - 1 : n);
			stream_skip(s, n + 1);
			return LINE_OK;
		}
		if (have > room + 1 || (have == room + 1 && p[room] != '\r'))
			return line_too_long(s, line, room);
		/* A CR that may belong to the end waits for what follows. */
		n = p[have - 1] == '\r' ? have - 1 : have;
		buf_add(line, p, n);
		stream_skip(s, n);
		if (n < have && !fill(s)) {
			buf_addc(line, '\r');
			return LINE_NONE;
		}
	}
}

int
stream_take_fd(struct stream *s)
{
	int fd;

	if (s->fd_count == 0)
		return -1;
	fd = s->fds_received[0];
	s->fd_count--;
	memmove(s->fds_received, s->fds_received + 1,
	    s->fd_count * sizeof *s->fds_received);
	return fd;
}

uint64_t
stream_bytes_in(const struct stream *s)
{
	return s->bytes_in;
}

uint64_t
stream_bytes_out(const struct stream *s)
{
	return s->bytes_out;
}
