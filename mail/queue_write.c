#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mail/queue_dir.h"
#include "mail/queue_file.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/frame.h"
#include "util/mem.h"

/*
 * Writing a message.  (1) to (4) are the invariants of mail/queue_file.h.
 *
 * The file begins without a name (O_TMPFILE): its inode number, and so its
 * queue id, is known at once, and a crash leaves nothing behind.  It gets its
 * name when all is written (1), before it is synced: then one journal commit
 * of the file system covers data and name.  The sync of the directory that
 * follows (3) finds its work done, and is left out where that is known
 * (file_sync_has_name).  A reader that sees the name early reads a
 * complete message.
 *
 * Where the file system has no O_TMPFILE, or the kernel no way to name such a
 * file (before Linux 6.10 that needs /proc, which a chroot may lack), the
 * file starts as ".tmp-PID-N" beside its final name, which no reader takes
 * for a queue id, and is renamed.
 */
enum naming { NAMING_UNKNOWN, NAMING_BY_FD, NAMING_BY_PROC, NAMING_RENAME };

/* Bytes of body in a write.  Whole blocks at multiples of their size cost
 * the file system half of what others do: no page is touched twice, and it
 * takes large ones. */
enum { BLOCK = 64 * 1024 };

static struct {
	enum naming	naming;
	unsigned	temp_count;
} writer;

static char *
temp_name(const char *queue)
{
	return mem_printf("%s/.tmp-%ld-%u", queue, (long)getpid(),
	    writer.temp_count++);
}

static int
link_fd(int fd, const char *path, enum naming how)
{
	char proc[40];

	if (how == NAMING_BY_FD)
		return linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH);
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, proc, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/* Can a nameless file be given a name here, and how?  Asked by doing it. */
static enum naming
try_naming(const char *queue)
{
	enum naming how = NAMING_RENAME;
	char	   *name;
	int	    fd;

	fd = open(queue, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EOPNOTSUPP || errno == EISDIR ||
		    errno == EINVAL ? NAMING_RENAME : NAMING_UNKNOWN;
	name = temp_name(queue);
	for (enum naming n = NAMING_BY_FD; n < NAMING_RENAME; n++)
		if (link_fd(fd, name, n) == 0) {
			unlink(name);
			how = n;
			break;
		}
	mem_free(name);
	close(fd);
	return how;
}

/* In ls(1), and for scripts, a whole message looks as it does in Postfix's
 * queue: executable.  What has a name here is whole. */
enum { FILE_MODE = 0700, DROPPED_MODE = 0744 };

static int
open_nameless(struct queue_writer *w)
{
	if (writer.naming == NAMING_UNKNOWN)
		writer.naming = try_naming(w->queue);
	if (writer.naming != NAMING_RENAME)
		return open(w->queue, O_TMPFILE | O_RDWR | O_CLOEXEC,
		    FILE_MODE);
	w->temp = temp_name(w->queue);
	return open(w->temp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, FILE_MODE);
}

bool
queue_writer_open(struct queue_writer *w, const char *queue, bool long_ids)
{
	struct stat st;

	*w = (struct queue_writer){ .queue = queue, .pending = BUF_INIT,
	    .created_us = clock_wall_us() };
	w->fd = open_nameless(w);
	/* What is dropped by users is read by another user, pickup's; nobody
	 * else can look into maildrop/. */
	if (w->fd < 0 || fstat(w->fd, &st) != 0 ||
	    (strcmp(queue, QUEUE_MAILDROP) == 0 && fchmod(w->fd,
	    DROPPED_MODE) != 0)) {
		int error = errno;

		queue_writer_abort(w);
		errno = error;
		return false;
	}
	queue_id_make(w->id, w->created_us, st.st_ino, long_ids);
	return true;
}

static void
write_all(struct queue_writer *w, const void *bytes, size_t len)
{
	if (w->error == 0 && len > 0 && !file_write_all(w->fd, bytes, len))
		w->error = errno;
}

/* What the first writev() left over. */
static void
write_rest(struct queue_writer *w, const struct iovec *v, int count,
    size_t written)
{
	for (int i = 0; i < count; i++) {
		size_t skip = written < v[i].iov_len ? written : v[i].iov_len;

		write_all(w, (char *)v[i].iov_base + skip, v[i].iov_len - skip);
		written -= skip;
	}
}

static void
write_vector(struct queue_writer *w, const struct iovec *v, int count)
{
	ssize_t n;

	if (w->error != 0)
		return;
	do {
		n = writev(w->fd, v, count);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		w->error = errno;
	else
		write_rest(w, v, count, (size_t)n);
}

/* What is pending is always less than a block, and begins at one. */
void
queue_writer_body(struct queue_writer *w, const void *bytes, size_t len)
{
	const char *p = bytes;
	size_t	    rest = (w->pending.len + len) % BLOCK;

	w->body_len += len;
	if (w->pending.len + len >= BLOCK) {
		struct iovec v[] = {
			{ w->pending.data, w->pending.len },
			{ (void *)(uintptr_t)p, len - rest },
		};

		write_vector(w, v, 2);
		buf_clear(&w->pending);
		p += len - rest;
		len = rest;
	}
	buf_add(&w->pending, p, len);
}

ssize_t
queue_writer_read(const struct queue_writer *w, uint64_t offset, void *to,
    size_t len)
{
	uint64_t written = w->body_len - w->pending.len;
	ssize_t	 n;

	if (w->error != 0) {
		errno = w->error;
		return -1;
	}
	if (offset >= w->body_len)
		return 0;
	if (offset >= written) {
		offset -= written;
		if (len > w->pending.len - offset)
			len = (size_t)(w->pending.len - offset);
		memcpy(to, w->pending.data + offset, len);
		return (ssize_t)len;
	}
	if (len > written - offset)
		len = (size_t)(written - offset);
	do {
		n = pread(w->fd, to, len, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = EIO;	/* somebody has cut the file */
	return n > 0 ? n : -1;
}

void
queue_writer_restart(struct queue_writer *w)
{
	if (w->body_len > w->pending.len && w->error == 0 &&
	    (ftruncate(w->fd, 0) != 0 || lseek(w->fd, 0, SEEK_SET) != 0))
		w->error = errno;
	buf_clear(&w->pending);
	w->body_len = 0;
}

/* Everything in one system call, for all but large messages. */
static void
write_end(struct queue_writer *w, const struct buf *header,
    const struct frame *envelope, const struct envelope *e,
    const struct queue_trailer *t)
{
	char	    *status = mem_alloc(t->rcpt_count + 1);
	struct iovec v[] = {
		{ w->pending.data, w->pending.len },
		{ header->data, header->len },
		{ envelope->bytes.data, envelope->bytes.len },
		{ status, t->rcpt_count },
		{ (void *)(uintptr_t)t, sizeof *t },
	};

	for (uint32_t i = 0; i < t->rcpt_count; i++)
		status[i] = e->rcpt[i].status;
	write_vector(w, v, 5);
	mem_free(status);
}

static int
give_name(struct queue_writer *w, const char *path)
{
	if (w->temp != NULL)
		return rename(w->temp, path);
	return link_fd(w->fd, path, writer.naming);
}

static void
name_it(struct queue_writer *w)
{
	struct buf path = BUF_INIT;

	queue_path(&path, w->queue, w->id);
	if (give_name(w, path.data) != 0 &&
	    (errno != ENOENT || !queue_make_dirs(w->queue, w->id) ||
	    give_name(w, path.data) != 0))
		w->error = errno;
	buf_done(&path);
	if (w->error == 0) {
		mem_free(w->temp);
		w->temp = NULL;
	}
}

bool
queue_writer_commit(struct queue_writer *w, const struct buf *header,
    const struct envelope *e, struct queue_trailer *t)
{
	struct frame f = FRAME_INIT;
	bool	     named = false;
	int	     error;

	frame_begin(&f, 0);
	envelope_write(&f, e);
	memcpy(t->magic, QUEUE_MAGIC, sizeof t->magic);
	memset(t->reserved, 0, sizeof t->reserved);
	t->body_len = w->body_len;
	t->header_len = header->len;
	t->envelope_len = f.bytes.len;
	t->rcpt_count = e->rcpt_count;
	t->crc = queue_trailer_crc(t, f.bytes.data);
	write_end(w, header, &f, e, t);
	frame_done(&f);
	if (w->error == 0) {
		name_it(w);
		named = w->error == 0;
	}
	if (w->error == 0 && !queue_sync(w->fd, w->queue, w->id))
		w->error = errno;		/* (2) (3) */
	error = w->error;
	if (error != 0 && named)
		queue_remove(w->queue, w->id);		/* (4) */
	queue_writer_abort(w);
	errno = error;
	return error == 0;
}

void
queue_writer_abort(struct queue_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	if (w->temp != NULL)
		unlink(w->temp);
	mem_free(w->temp);
	w->temp = NULL;
	buf_done(&w->pending);
}
