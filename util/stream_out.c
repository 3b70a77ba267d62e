/*
 * stream_out - writing
 *
 * MSG_MORE goes with a full buffer only when the caller's bytes that did not
 * fit are put into the next one at once: so a push always follows.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/mem.h"
#include "util/stream_int.h"
#include "util/task.h"

enum {
	FILE_SMALL = 16 * 1024,		/* copied: one segment with the rest */
	FILE_STEP = 512 * 1024,		/* sendfile at a time; then others run */
	FILE_PIECE = 64 * 1024,		/* read at a time for another transport */
};

static ssize_t
send_with_fd(struct stream *s, struct iovec *iov, int count)
{
	union {
		struct cmsghdr	head;
		char		space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct msghdr m = {
		.msg_iov = iov,
		.msg_iovlen = (size_t)count,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	ssize_t n;

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &s->fd_to_send, sizeof(int));
	n = sendmsg(s->fd, &m, MSG_NOSIGNAL);
	if (n > 0)
		s->fd_to_send = -1;
	return n;
}

static ssize_t
send_once(struct stream *s, struct iovec *iov, int count, int flags, int *wait)
{
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)count };

	*wait = TASK_WRITE;
	if (s->ops != NULL)
		return s->ops->write(s->ops_arg, s->fd, iov->iov_base,
		    iov->iov_len, wait);
	if (s->kind == STREAM_FILE)
		return writev(s->fd, iov, count);
	if (s->fd_to_send >= 0)
		return send_with_fd(s, iov, count);
	if (count == 1)
		return send(s->fd, iov->iov_base, iov->iov_len,
		    flags | MSG_NOSIGNAL);
	return sendmsg(s->fd, &m, flags | MSG_NOSIGNAL);
}

static bool
send_all(struct stream *s, struct iovec *iov, int count, int flags)
{
	ssize_t n;
	int	io;

	while (count > 0) {
		n = send_once(s, iov, count, flags, &io);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			if (errno != EAGAIN) {
				stream_fail_errno(s, errno);
				return false;
			}
			if (!stream_wait(s, io))
				return false;
			continue;
		}
		s->bytes_out += (uint64_t)n;
		while (count > 0 && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			count--;
		}
		if (count > 0) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
		task_be_fair();
	}
	return true;
}

/* What is buffered, then `len` bytes more. */
static bool
send_buffered(struct stream *s, const void *more, size_t len, int flags)
{
	struct iovec iov[2] = {
		{ s->out, s->out_len },
		{ (void *)(uintptr_t)more, len },
	};
	int	     skip = s->out_len == 0;
	int	     count = (len > 0) + !skip;

	if (!send_all(s, iov + skip, count, flags))
		return false;
	s->out_len = 0;
	return true;
}

static bool
flush(struct stream *s, int flags)
{
	if (s->failed != NULL)
		return false;
	if (s->out == NULL)
		return true;
	if (s->out_len > 0 && !send_buffered(s, NULL, 0, flags))
		return false;
	stream_buffer_put(s->out);
	s->out = NULL;
	/* We spoke first; whatever comes will make an edge. */
	if (s->bytes_in == 0 && s->kind != STREAM_FILE)
		s->drained = true;
	return true;
}

bool
stream_flush(struct stream *s)
{
	return flush(s, 0);
}

/* The last words go with the FIN, in one segment; but where bytes wait to be
 * read, close(2) resets the connection and drops what was held back. */
bool
stream_flush_last(struct stream *s)
{
	return flush(s, s->drained ? MSG_MORE : 0);
}

static size_t
out_room(struct stream *s)
{
	if (s->out == NULL)
		s->out = stream_buffer_get();
	return (size_t)(STREAM_BUFFER - s->out_len);
}

void
stream_last_words(struct stream *s, const char *words)
{
	struct iovec iov = { (void *)(uintptr_t)words, strlen(words) };
	int	     wait;

	send_once(s, &iov, 1, MSG_DONTWAIT, &wait);
}

void
stream_write(struct stream *s, const void *bytes, size_t len)
{
	const char *p = bytes;
	size_t	    room;

	if (s->failed != NULL || len == 0)
		return;
	room = out_room(s);
	if (len > room) {
		if (len >= STREAM_BUFFER) {
			send_buffered(s, p, len, 0);
			return;
		}
		memcpy(s->out + s->out_len, p, room);
		s->out_len = STREAM_BUFFER;
		if (!send_buffered(s, NULL, 0, MSG_MORE))
			return;
		p += room;
		len -= room;
	}
	memcpy(s->out + s->out_len, p, len);
	s->out_len = (uint16_t)(s->out_len + len);
}

void
stream_puts(struct stream *s, const char *str)
{
	stream_write(s, str, strlen(str));
}

void
stream_printf(struct stream *s, const char *fmt, ...)
{
	struct buf long_text = BUF_INIT;
	va_list	   ap;
	size_t	   room;
	int	   n;

	if (s->failed != NULL)
		return;
	room = out_room(s);
	va_start(ap, fmt);
	n = vsnprintf(s->out + s->out_len, room, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < room) {
		s->out_len = (uint16_t)(s->out_len + n);
		return;
	}
	va_start(ap, fmt);
	buf_addv(&long_text, fmt, ap);
	va_end(ap);
	stream_write(s, long_text.data, long_text.len);
	buf_done(&long_text);
}

/* --- files */

static const char short_file[] = "file is shorter than expected";

/* How many bytes there were; 0: none, and the stream has failed. */
static size_t
read_file(struct stream *s, int fd, off_t offset, char *to, size_t len)
{
	ssize_t n;

	do
		n = pread(fd, to, len, offset);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return (size_t)n;
	if (n < 0)
		stream_fail_errno(s, errno);
	else
		stream_fail(s, short_file);
	return 0;
}

static bool
copy_file(struct stream *s, int fd, off_t offset, size_t len)
{
	size_t room, n;

	while (len > 0) {
		if ((room = out_room(s)) == 0) {
			if (!send_buffered(s, NULL, 0, MSG_MORE))
				return false;
			room = STREAM_BUFFER;
		}
		n = read_file(s, fd, offset, s->out + s->out_len,
		    len < room ? len : room);
		if (n == 0)
			return false;
		s->out_len = (uint16_t)(s->out_len + n);
		offset += (off_t)n;
		len -= n;
	}
	return true;
}

/* Past the buffer: TLS makes its largest records of what is large. */
static void
send_pieces(struct stream *s, int fd, off_t offset, size_t len)
{
	char	    *piece = mem_alloc(FILE_PIECE);
	struct iovec iov;
	size_t	     n;

	if (s->out_len > 0 && !send_buffered(s, NULL, 0, 0))
		len = 0;
	while (len > 0) {
		n = read_file(s, fd, offset, piece,
		    len < FILE_PIECE ? len : FILE_PIECE);
		if (n == 0)
			break;
		iov = (struct iovec){ piece, n };
		if (!send_all(s, &iov, 1, 0))
			break;
		offset += (off_t)n;
		len -= n;
	}
	mem_free(piece);
}

void
stream_send_file(struct stream *s, int fd, off_t offset, size_t len)
{
	ssize_t n;

	if (s->failed != NULL || len == 0)
		return;
	if (len < FILE_SMALL) {
		copy_file(s, fd, offset, len);
		return;
	}
	if (s->ops != NULL) {
		send_pieces(s, fd, offset, len);
		return;
	}
	if (s->out_len > 0 && !send_buffered(s, NULL, 0, MSG_MORE))
		return;
	while (len > 0) {
		n = sendfile(s->fd, fd, &offset,
		    len < FILE_STEP ? len : FILE_STEP);
		if (n > 0) {
			len -= (size_t)n;
			s->bytes_out += (uint64_t)n;
			task_be_fair();
		} else if (n == 0) {
			stream_fail(s, short_file);
			return;
		} else if (errno == EAGAIN) {
			if (!stream_wait(s, TASK_WRITE))
				return;
		} else if (errno == EINVAL || errno == ENOSYS) {
			copy_file(s, fd, offset, len);
			return;
		} else if (errno != EINTR) {
			stream_fail_errno(s, errno);
			return;
		}
	}
}

void
stream_send_fd(struct stream *s, int fd)
{
	if (s->failed != NULL || !stream_flush(s))
		return;
	s->fd_to_send = fd;
}
