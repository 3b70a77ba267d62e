/* file - files on disk: whole reads, atomic writes, locks, sync */

#ifndef UTIL_FILE_H
#define UTIL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct buf;

/* Whole file, at most `max` bytes.  False with errno (EFBIG: too large). */
bool	file_read(const char *path, size_t max, struct buf *);
/* The same from where `fd` is, which stays open. */
bool	file_read_fd(int fd, size_t max, struct buf *);

/* write(2) and pwrite(2) until all is written or an error. */
bool	file_write_all(int fd, const void *, size_t len);
bool	file_pwrite_all(int fd, const void *, size_t len, off_t);

/*
 * Replaces a file in one step: `file_replace_begin` opens "path.tmp.PID" with
 * O_EXCL beside it and the mode and owner of the old file (or `mode`);
 * `file_replace_end` syncs, renames and syncs the directory;
 * `file_replace_cancel` removes.  All false/-1 with errno.
 */
struct file_replace {
	char	*path, *temp;
	int	 fd;
};

int	file_replace_begin(struct file_replace *, const char *path, mode_t);
bool	file_replace_end(struct file_replace *);
void	file_replace_cancel(struct file_replace *);

/* The same for bytes at hand. */
bool	file_replace_bytes(const char *path, const void *, size_t len, mode_t);

/* Makes the names in a directory durable, or those in the directory of a file.
 * False with errno. */
bool	file_sync_dir(const char *path);
bool	file_sync_parent(const char *path);

/*
 * Writes what was written to a file to the disk, not yet what the file system
 * notes of it: fsync(2) is still to come.  An error is told once for each
 * descriptor, so that a later fsync() may know of none.  _begin only starts it.
 * False with errno.
 */
void	file_write_begin(int fd);
bool	file_write_out(int fd);

/*
 * Does fsync() of a file make its name durable too, if that was given before?
 * So it is where one journal has both (ext4 with a journal, XFS): then a sync
 * of the directory would only wait for the disk once more.  What is not known
 * for sure is false.  The answer for a file system is looked up once, which
 * needs /sys or /proc: ask before a chroot.
 */
bool	file_sync_has_name(int fd);
bool	file_sync_has_name_on(int fd, dev_t);	/* fstat(2) was done */

/* Locks of the whole file: flock(2) and fcntl(2).  `wait_seconds` 0: at
 * once.  False with errno (EAGAIN: someone else has it). */
enum file_lock { FILE_FLOCK, FILE_FCNTL };
enum file_mode { FILE_SHARED, FILE_EXCLUSIVE, FILE_UNLOCK };

bool	file_lock(int fd, enum file_lock, enum file_mode, int wait_seconds);

/* "path.lock", stale after `stale_seconds`. */
bool	file_dotlock(const char *path, int wait_seconds, int stale_seconds);
void	file_dotunlock(const char *path);

bool	file_mkdirs(const char *path, mode_t);	/* like mkdir -p */
bool	file_set_nonblock(int fd, bool);
bool	file_set_cloexec(int fd, bool);

#endif
