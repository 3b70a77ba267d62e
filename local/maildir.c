/*
 * Order: the text is written out to disk, the file gets its name in new/, then
 * file and directory are synced: one commit of the file system's journal has
 * both.  Where the file system has files without a name (O_TMPFILE) the message
 * gets its only name in new/; elsewhere it is written in tmp/ and renamed.
 */

#include "local/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "local/content.h"
#include "local/quota.h"
#include "mail/deliver.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"
#include "util/proc.h"

static enum outcome
cannot_create(const struct maildir *m, struct why *why, const char *path)
{
	int e = errno;

	why_set(why, e == EACCES || e == ENOTDIR ? "5.2.0" : "4.2.0",
	    "create maildir file %s: %s", path, strerror(e));
	if (e == EACCES) {
		log_warn("maildir access problem for UID/GID=%lu/%lu: %s",
		    (unsigned long)m->uid, (unsigned long)m->gid,
		    why->text.data);
		log_warn("perhaps you need to create the maildirs in advance");
	}
	return why_outcome(why);
}

static void
add_host(struct buf *out)
{
	static char host[256];

	if (*host == '\0') {
		if (gethostname(host, sizeof host - 1) != 0)
			strcpy(host, "localhost");
		host[strcspn(host, "/:")] = '\0';	/* not for file names */
	}
	buf_addc(out, '.');
	buf_adds(out, host);
}

/* "1763773854.V801I4a2bM123456.host": device, inode and microseconds make it
 * unique on this host without a counter. */
static void
unique_name(struct buf *out, const struct stat *st, bool with_size)
{
	int64_t	now = clock_wall_us();
	char	text[80];
	int	n;

	n = snprintf(text, sizeof text, "%lld.V%lxI%lxM%06d",
	    (long long)(now / 1000000), (unsigned long)st->st_dev,
	    (unsigned long)st->st_ino, (int)(now % 1000000));
	buf_add(out, text, (size_t)n);
	add_host(out);
	/* Who counts need not look at the file. */
	if (with_size)
		buf_addf(out, ",S=%lld", (long long)st->st_size);
}

/* With its parents, as "home/Mail/in/" may need; all by the owner's rights.
 * False with errno, of the first that can't be. */
static bool
make_dir(const struct maildir *m, const char *name)
{
	struct buf	path = BUF_INIT;
	bool		ok = true;
	int		e = 0;

	for (char *p = strchr(m->path + 1, '/'); p != NULL;
	    p = strchr(p + 1, '/')) {
		buf_clear(&path);
		buf_add(&path, m->path, p - m->path);
		if (mkdir(path.data, 0700) == 0 || errno == EEXIST)
			continue;
		if (e == 0)
			e = errno;
		/* it may be there all the same */
		if (errno != EROFS && errno != EACCES)
			ok = false;
	}
	if (ok) {
		buf_set(&path, m->path);
		buf_adds(&path, name);
		ok = mkdir(path.data, 0700) == 0 || errno == EEXIST;
	}
	if (!ok && errno == ENOENT && e != 0)
		errno = e;
	buf_done(&path);
	return ok;
}

/* A file without a name, or one in tmp/ whose name goes to `temp`.  -1 with
 * the name that it would have. */
static int
open_temp(const struct maildir *m, struct buf *temp)
{
	int64_t	now;
	int	fd, e;

	buf_set(temp, m->path);
	buf_adds(temp, "tmp");
	fd = open(temp->data, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0) {
		buf_clear(temp);
		return fd;
	}
	e = errno;
	now = clock_wall_us();
	buf_addf(temp, "/%lld.P%d", (long long)(now / 1000000), (int)getpid());
	add_host(temp);
	errno = e;
	if (e == ENOENT || e == ENOTDIR || e == EACCES)
		return -1;
	return open(temp->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

/* The name in new/, by link from the descriptor or rename from tmp/.  A user
 * may link a file by its descriptor alone since Linux 6.10, in half the time. */
static bool
give_name(int fd, const char *temp, const char *name)
{
	char	proc[40];

	if (*temp != '\0')
		return rename(temp, name) == 0;
	if (linkat(fd, "", AT_FDCWD, name, AT_EMPTY_PATH) == 0)
		return true;
	if (errno != ENOENT && errno != EPERM && errno != EINVAL)
		return false;
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, proc, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

static bool
sync_with_name(const struct maildir *m, int fd, dev_t dev)
{
	struct buf dir = BUF_INIT;
	bool	   ok = fsync(fd) == 0;

	if (ok && !file_sync_has_name_on(fd, dev)) {
		buf_addf(&dir, "%snew", m->path);
		ok = file_sync_dir(dir.data);
		buf_done(&dir);
	}
	return ok;
}

static enum outcome
write_and_name(const struct maildir *m, int fd, const char *temp,
    struct delivery *d, const struct content *c, struct why *why)
{
	struct buf	name = BUF_INIT;
	struct stat	st;
	enum outcome	got = DONE;

	buf_addf(&name, "%snew/", m->path);
	if (!content_write(fd, d, c) || fstat(fd, &st) != 0 ||
	    !file_write_out(fd)) {
		got = content_not_written(why, errno);
	} else {
		unique_name(&name, &st, quota_is_set(m->quota));
		if (!give_name(fd, temp, name.data) && (errno != ENOENT ||
		    !make_dir(m, "new") || !make_dir(m, "cur") ||
		    !give_name(fd, temp, name.data))) {
			got = cannot_create(m, why, name.data);
		} else if (!sync_with_name(m, fd, st.st_dev)) {
			got = content_not_written(why, errno);
			unlink(name.data);
		}
	}
	buf_done(&name);
	return got;
}

static int64_t
size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_size : 0;
}

static enum outcome
add_as_owner(const struct maildir *m, struct delivery *d,
    const struct content *c, struct why *why)
{
	struct buf	temp = BUF_INIT;
	int		fd = open_temp(m, &temp);
	enum outcome	got;

	if (fd < 0 && errno == ENOENT && make_dir(m, "tmp"))
		fd = open_temp(m, &temp);
	if (fd < 0) {
		got = cannot_create(m, why, temp.data);
	} else if (quota_is_set(m->quota) && !quota_maildir_check(m->quota,
	    m->path, (int64_t)(d->file.t.header_len + d->file.t.body_len),
	    why)) {
		if (temp.len > 0)
			unlink(temp.data);
		close(fd);
		got = why_outcome(why);
	} else {
		got = write_and_name(m, fd, temp.data, d, c, why);
		if (got != DONE && temp.len > 0)
			unlink(temp.data);
		if (got == DONE && quota_is_set(m->quota))
			quota_maildir_add(m->path, size_of(fd));
		close(fd);
	}
	buf_done(&temp);
	return got;
}

enum outcome
maildir_add(const struct maildir *m, struct delivery *d,
    const struct content *c, struct why *why)
{
	bool		root = geteuid() == 0;
	enum outcome	got;

	if (root && !proc_act_as(m->uid, m->gid)) {
		why_set(why, "4.3.0", "cannot act as uid %ld: %s",
		    (long)m->uid, strerror(errno));
		return TRY_LATER;
	}
	got = add_as_owner(m, d, c, why);
	if (m->waits && got == FAILED && strcmp(why->dsn, "5.2.0") == 0) {
		strcpy(why->dsn, "4.2.0");
		got = TRY_LATER;
	}
	if (root)
		proc_rest_as_root();
	return got;
}
