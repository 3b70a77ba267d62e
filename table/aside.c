#include "table/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/mem.h"

enum {
	NEW_MODE = 0644,
	CACHE_MODE = 0600,	/* made in place by the only one who uses it */
	CHUNK = 64 * 1024,	/* bytes copied at once */
	READ_WAIT = 5,		/* seconds, for one who writes in place */
};

/* Locks the file that has the name now, not one that was just replaced. */
static int
lock_named(const char *path, bool in_place, bool create)
{
	struct flock whole = { .l_type = F_WRLCK };
	struct stat  mine, named;
	int	     fd;

	for (;;) {
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY |
		    (create ? O_CREAT : 0), CACHE_MODE);
		if (fd < 0)
			return -1;
		if (fcntl(fd, F_OFD_SETLKW, &whole) == 0 &&
		    flock(fd, in_place ? LOCK_EX : LOCK_SH) == 0 &&
		    fstat(fd, &mine) == 0 && stat(path, &named) == 0 &&
		    mine.st_ino == named.st_ino && mine.st_dev == named.st_dev)
			return fd;
		close(fd);
	}
}

/* A new file may be read by those who may read the source. */
static mode_t
new_mode(const struct table *t)
{
	struct stat st;

	if ((t->flags & TABLE_KEEP_MODE) != 0 || stat(t->name, &st) != 0)
		return NEW_MODE;
	return st.st_mode & NEW_MODE;
}

static bool
copy_file(int from, int to)
{
	char   *chunk = mem_alloc(CHUNK);
	ssize_t n;

	while ((n = read(from, chunk, CHUNK)) > 0)
		if (!file_write_all(to, chunk, (size_t)n)) {
			n = -1;
			break;
		}
	mem_free(chunk);
	return n == 0;
}

/* What the new file is made from: nothing, or the old one's bytes. */
static bool
begin_aside(struct table *t, struct table_aside *a)
{
	int fd = file_replace_begin(&a->file, t->path, new_mode(t));

	if (fd < 0)
		return false;
	a->replaces = true;
	return a->fresh || copy_file(a->lock_fd, fd);
}

static bool
fail(struct table *t, struct table_aside *a, const char *what)
{
	int saved = errno;

	table_fail(t, "%s %s: %s", what, t->path, strerror(errno));
	aside_done(a);
	errno = saved;
	return false;
}

bool
aside_open(struct table *t, struct table_aside *a)
{
	bool	    exists, in_place = (t->flags & TABLE_WRITE) != 0;
	struct stat st;

	*a = (struct table_aside)TABLE_ASIDE_INIT;
	a->lock_fd = lock_named(t->path, in_place, in_place &&
	    (t->flags & TABLE_MUST_EXIST) == 0);
	exists = a->lock_fd >= 0;
	if (!exists && errno != ENOENT)
		return fail(t, a, "open");
	if (!exists && (t->flags & TABLE_MUST_EXIST) != 0)
		return fail(t, a, "open database");
	a->fresh = !exists || (t->flags & TABLE_CREATE) != 0;
	a->path = t->path;
	if (in_place) {
		a->fresh = fstat(a->lock_fd, &st) == 0 && st.st_size == 0;
		return true;
	}
	if (begin_aside(t, a)) {
		a->path = a->file.temp;
		return true;
	}
	if (a->replaces || !exists ||
	    (errno != EACCES && errno != EPERM && errno != EROFS) ||
	    flock(a->lock_fd, LOCK_EX) != 0 ||
	    (a->fresh && ftruncate(a->lock_fd, 0) != 0))
		return fail(t, a, "open database");
	return true;
}

bool
aside_publish(struct table_aside *a)
{
	if (!a->replaces)
		return true;
	a->replaces = false;
	return file_replace_end(&a->file);
}

void
aside_done(struct table_aside *a)
{
	if (a->replaces)
		file_replace_cancel(&a->file);
	if (a->lock_fd >= 0)
		close(a->lock_fd);
	*a = (struct table_aside)TABLE_ASIDE_INIT;
}

size_t
aside_source_size(const struct table *t)
{
	struct stat st;

	if (stat((t->flags & TABLE_EDIT) != 0 ? t->path : t->name, &st) != 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	return (size_t)st.st_size;
}

int
aside_open_read(struct table *t)
{
	struct stat st;
	int	    fd, saved;

	fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		saved = errno;
		table_fail(t, "open database %s: %s", t->path,
		    strerror(errno));
		errno = saved;
		return -1;
	}
	/* Later, others would have to wait with it. */
	if (!file_lock(fd, FILE_FLOCK, FILE_SHARED,
	    t->checked_ms == 0 ? READ_WAIT : 0)) {
		table_fail(t, "open database %s: it is locked by a program "
		    "that writes it", t->path);
		close(fd);
		errno = EAGAIN;
		return -1;
	}
	if (fstat(fd, &st) == 0)
		table_stamp_set(&t->stamp, &st);
	return fd;
}

const char *
aside_name(const struct table *t, int fd, char room[ASIDE_NAME])
{
	snprintf(room, ASIDE_NAME, "/proc/self/fd/%d", fd);
	return access(room, F_OK) == 0 ? room : t->path;
}
