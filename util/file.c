/* file - files on disk: whole reads, atomic writes, locks, sync */

#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/mem.h"

enum {
	LOCK_POLL_MS = 50,	/* between two attempts, at most */
	LOCK_FIRST_MS = 2,	/* a delivery takes no longer, mostly */
};

static void
pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* Longer from one time to the next. */
static void
pause_between_tries(long *ms)
{
	pause_ms(*ms);
	*ms = *ms * 2 < LOCK_POLL_MS ? *ms * 2 : LOCK_POLL_MS;
}

static void
close_keep_errno(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

bool
file_read_fd(int fd, size_t max, struct buf *b)
{
	size_t	start = b->len;
	ssize_t n;

	for (;;) {
		n = read(fd, buf_room(b, 16384), 16384);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buf_grow(b, (size_t)n);
		if (b->len - start > max) {
			errno = EFBIG;
			n = -1;
			break;
		}
	}
	if (n < 0)
		buf_cut(b, start);
	return n == 0;
}

bool
file_read(const char *path, size_t max, struct buf *b)
{
	int	fd = open(path, O_RDONLY | O_CLOEXEC);
	bool	ok;

	if (fd < 0)
		return false;
	ok = file_read_fd(fd, max, b);
	close_keep_errno(fd);
	return ok;
}

bool
file_write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;
	ssize_t	    n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

bool
file_pwrite_all(int fd, const void *bytes, size_t len, off_t at)
{
	const char *p = bytes;
	ssize_t	    n;

	while (len > 0) {
		n = pwrite(fd, p, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* --- replacing */

static int
open_temp(const char *path, mode_t mode)
{
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd >= 0 || errno != EEXIST)
		return fd;
	/* Left by a process that had our number and was killed. */
	if (unlink(path) < 0)
		return -1;
	return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
}

int
file_replace_begin(struct file_replace *r, const char *path, mode_t mode)
{
	struct stat st;
	bool	    exists = stat(path, &st) == 0;

	r->path = mem_strdup(path);
	r->temp = mem_printf("%s.tmp.%d", path, (int)getpid());
	r->fd = open_temp(r->temp, 0600);
	if (r->fd < 0)
		goto fail;
	/* An ordinary user can't give files away: not an error for a file
	 * that is the user's own. */
	if (exists && (st.st_uid != geteuid() || st.st_gid != getegid()) &&
	    fchown(r->fd, st.st_uid, st.st_gid) < 0 && errno != EPERM)
		goto fail;
	if (fchmod(r->fd, exists ? st.st_mode & 07777 : mode) < 0)
		goto fail;
	return r->fd;
fail:
	file_replace_cancel(r);
	return -1;
}

static void
replace_done(struct file_replace *r)
{
	mem_free(r->path);
	mem_free(r->temp);
	*r = (struct file_replace){ .fd = -1 };
}

bool
file_replace_end(struct file_replace *r)
{
	bool ok;

	if (fsync(r->fd) < 0 || rename(r->temp, r->path) < 0) {
		file_replace_cancel(r);
		return false;
	}
	ok = file_sync_parent(r->path);
	close_keep_errno(r->fd);
	replace_done(r);
	return ok;
}

void
file_replace_cancel(struct file_replace *r)
{
	int saved = errno;

	if (r->fd >= 0) {
		close(r->fd);
		unlink(r->temp);
	}
	replace_done(r);
	errno = saved;
}

bool
file_replace_bytes(const char *path, const void *bytes, size_t len,
    mode_t mode)
{
	struct file_replace r;
	int		    fd = file_replace_begin(&r, path, mode);

	if (fd < 0)
		return false;
	if (file_write_all(fd, bytes, len))
		return file_replace_end(&r);
	file_replace_cancel(&r);
	return false;
}

bool
file_sync_dir(const char *path)
{
	int  fd;
	bool ok;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = fsync(fd) == 0;
	close_keep_errno(fd);
	return ok;
}

/* "/etc/x" -> "/etc", "/x" -> "/", "x" -> ".". */
bool
file_sync_parent(const char *path)
{
	char *dir = mem_strdup(path), *slash = strrchr(dir, '/');
	bool  ok;

	if (slash != NULL)
		slash[slash == dir ? 1 : 0] = '\0';
	ok = file_sync_dir(slash != NULL ? dir : ".");
	mem_free(dir);
	return ok;
}

void
file_write_begin(int fd)
{
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

/* Where the kernel can't do it alone fsync() does it. */
bool
file_write_out(int fd)
{
	return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE |
	    SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) == 0 ||
	    ((errno == ENOSYS || errno == EINVAL || errno == ESPIPE ||
	    errno == EOPNOTSUPP) && fsync(fd) == 0);
}

/* --- locks */

static int
try_lock(int fd, enum file_lock how, enum file_mode mode)
{
	static const int   flock_op[] = { LOCK_SH, LOCK_EX, LOCK_UN };
	static const short fcntl_op[] = { F_RDLCK, F_WRLCK, F_UNLCK };
	struct flock	   l = { .l_type = fcntl_op[mode],
				 .l_whence = SEEK_SET };

	if (how == FILE_FLOCK)
		return flock(fd, flock_op[mode] | LOCK_NB);
	return fcntl(fd, F_SETLK, &l);
}

bool
file_lock(int fd, enum file_lock how, enum file_mode mode, int wait_seconds)
{
	int64_t until = wait_seconds > 0 ? clock_in(wait_seconds) : 0;
	long	pause = LOCK_FIRST_MS;

	for (;;) {
		if (try_lock(fd, how, mode) == 0)
			return true;
		if (errno == EINTR)
			continue;
		if (errno == EACCES || errno == EWOULDBLOCK)
			errno = EAGAIN;
		if (errno != EAGAIN || wait_seconds == 0 ||
		    clock_ms() >= until)
			return false;
		pause_between_tries(&pause);
	}
}

/*
 * Is it old by the clock of the file system that holds it?  A file made there
 * now tells the time; it is not made as long as even a clock that is off by
 * half the limit would not make the lock old.
 */
static bool
is_stale(const char *lock, int stale_seconds)
{
	char	   *temp;
	struct stat now, st;
	bool	    stale = false;
	int	    fd;
	time_t	    age;

	if (stat(lock, &st) != 0)
		return false;
	age = time(NULL) - st.st_ctime;
	if (age > -stale_seconds / 2 && age < stale_seconds / 2)
		return false;
	temp = mem_printf("%s.%d", lock, (int)getpid());
	fd = open_temp(temp, 0644);
	if (fd >= 0) {
		stale = fstat(fd, &now) == 0 && stat(lock, &st) == 0 &&
		    now.st_ctime > st.st_ctime + stale_seconds;
		close(fd);
		unlink(temp);
	}
	mem_free(temp);
	return stale;
}

/* O_EXCL is as good as link(2) since NFS 3, and half the work. */
bool
file_dotlock(const char *path, int wait_seconds, int stale_seconds)
{
	char	*lock = mem_printf("%s.lock", path);
	int64_t	 until = clock_in(wait_seconds);
	long	 pause = LOCK_FIRST_MS;
	int	 fd, saved;

	while ((fd = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0644)) < 0 && errno == EEXIST) {
		if (stale_seconds > 0 && is_stale(lock, stale_seconds))
			unlink(lock);
		else if (clock_ms() >= until) {
			errno = EAGAIN;
			break;
		} else
			pause_between_tries(&pause);
	}
	saved = errno;
	if (fd >= 0)
		close(fd);
	mem_free(lock);
	errno = saved;
	return fd >= 0;
}

void
file_dotunlock(const char *path)
{
	char *lock = mem_printf("%s.lock", path);

	unlink(lock);
	mem_free(lock);
}

/* --- directories and descriptors */

bool
file_mkdirs(const char *path, mode_t mode)
{
	char *p = mem_strdup(path);
	bool  ok = true;

	for (char *s = p + 1; ok && *p != '\0'; s++) {
		char c = *s;

		if (c != '/' && c != '\0')
			continue;
		*s = '\0';
		ok = mkdir(p, mode) == 0 || errno == EEXIST;
		*s = c;
		if (c == '\0')
			break;
	}
	mem_free(p);
	return ok;
}

bool
file_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL), want;

	if (flags < 0)
		return false;
	want = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return want == flags || fcntl(fd, F_SETFL, want) == 0;
}

bool
file_set_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) == 0;
}
