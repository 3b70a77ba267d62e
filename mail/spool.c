#include "mail/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "mail/queue_dir.h"
#include "util/file.h"
#include "util/mem.h"
#include "util/stream.h"

enum {
	MEMORY_MAX = 64 * 1024,	/* bytes */
	PIECE = 32 * 1024,	/* bytes read at a time */
};

static int
open_nameless(void)
{
	char name[] = QUEUE_INCOMING "/spool.XXXXXX";
	int  fd = open(QUEUE_INCOMING, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	/* not every file system has them */
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR ||
	    errno == EINVAL) && (fd = mkostemp(name, O_CLOEXEC)) >= 0)
		unlink(name);
	return fd;
}

/* What is in memory goes to the file. */
static void
write_tail(struct spool *s)
{
	if (s->fd < 0)
		s->fd = open_nameless();
	if (s->fd < 0 || !file_write_all(s->fd, s->tail.data, s->tail.len))
		s->error = errno;
	s->filed += s->tail.len;
	buf_clear(&s->tail);
}

void
spool_add(struct spool *s, const void *bytes, size_t len)
{
	if (s->error != 0)
		return;
	buf_add(&s->tail, bytes, len);
	if (s->tail.len >= MEMORY_MAX)
		write_tail(s);
}

static bool
read_file(struct spool *s, content_fn *put, void *arg)
{
	char	*bytes = mem_alloc(PIECE);
	uint64_t at = 0;
	ssize_t	 n;

	while (at < s->filed && s->error == 0) {
		n = pread(s->fd, bytes, PIECE, (off_t)at);
		if (n > 0) {
			put(arg, bytes, (size_t)n);
			at += (uint64_t)n;
		} else if (n == 0 || errno != EINTR) {
			s->error = n == 0 ? EIO : errno;
		}
	}
	mem_free(bytes);
	return s->error == 0;
}

bool
spool_read(struct spool *s, content_fn *put, void *arg)
{
	if (s->error != 0 || !read_file(s, put, arg))
		return false;
	if (s->tail.len > 0)
		put(arg, s->tail.data, s->tail.len);
	return true;
}

bool
spool_send(struct spool *s, struct stream *to)
{
	if (s->error != 0)
		return false;
	if (s->filed > 0)
		stream_send_file(to, s->fd, 0, (size_t)s->filed);
	stream_write(to, s->tail.data, s->tail.len);
	return true;
}

void
spool_done(struct spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	buf_done(&s->tail);
}
