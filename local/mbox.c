/*
 * Order of an append; a crash at any point leaves the mailbox readable:
 *
 *  (1) Lock: our turn among ourselves, then the dot lock, then the file's own
 *	lock, as mail readers do.
 *  (2) The size is read under the lock.
 *  (3) Write, fsync; a new file's directory is synced too.  A line that lacks its
 *	end, as a crash in the midst of (3) leaves it, is ended first.
 *  (4) If (3) fails the file is cut back to (2) before the lock goes.
 *
 * The path may be in a directory that hostile users can write to: it is opened
 * without following a link, must be a regular file with one name, owned by
 * the user, and all is checked on the descriptor.
 */

#include "local/mbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/param.h"
#include "local/content.h"
#include "local/quota.h"
#include "local/turn.h"
#include "mail/deliver.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/text.h"

void
mbox_check_limit(const char *param, long limit)
{
	if (limit > 0 && conf_mail.message_size_limit == 0)
		fatalx("configuration error: %s is limited but "
		    "message_size_limit is unlimited", param);
	if (limit > 0 && limit < conf_mail.message_size_limit)
		fatalx("configuration error: %s is smaller than "
		    "message_size_limit", param);
}

static unsigned
lock_of_word(const char *word)
{
	static const struct { const char *name; unsigned bit; } names[] = {
		{ "fcntl", MBOX_FCNTL },
		{ "flock", MBOX_FLOCK },
		{ "dotlock", MBOX_DOTLOCK },
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (text_eq(word, names[i].name))
			return names[i].bit;
	return 0;
}

unsigned
mbox_parse_locks(const char *param, const char *text)
{
	char	*copy = mem_strdup(text), *at = copy, *word;
	unsigned bits = 0, bit;

	while ((word = text_word(&at, TEXT_LIST_SEP, false)) != NULL) {
		if ((bit = lock_of_word(word)) == 0)
			fatalx("unknown %s value \"%s\" in \"%s\"", param,
			    word, text);
		bits |= bit;
	}
	mem_free(copy);
	return bits;
}

static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_strdup(".");
	return slash == path ? mem_strdup("/") :
	    mem_strndup(path, slash - path);
}

/* As whom to make files in the mailbox's directory: a spool that not all may
 * write to wants its group, which only root may take. */
static bool
become_maker(const struct mbox *m, bool root, bool *ret_as_root)
{
	struct stat st;
	char	   *dir;
	bool	    need_root = false;

	if (m->is_spool && root) {
		dir = directory_of(m->path);
		need_root = stat(dir, &st) == 0 &&
		    (st.st_mode & S_IWOTH) == 0 && st.st_uid != m->uid;
		mem_free(dir);
	}
	*ret_as_root = need_root;
	return need_root || !root || proc_act_as(m->uid, m->gid);
}

static bool
lock_file(const struct mbox *m, int fd)
{
	int wait_seconds = m->lock_attempts * m->lock_delay;

	if ((m->locks & MBOX_FCNTL) &&
	    !file_lock(fd, FILE_FCNTL, FILE_EXCLUSIVE, wait_seconds))
		return false;
	if ((m->locks & MBOX_FLOCK) &&
	    !file_lock(fd, FILE_FLOCK, FILE_EXCLUSIVE, wait_seconds))
		return false;
	return true;
}

static enum outcome
fail(struct why *why, const char *dsn, const char *what)
{
	why_set(why, dsn, "%s", what);
	return why_outcome(why);
}

static void
wrong_owner(const struct mbox *m, struct why *why)
{
	why_set(why, "4.2.0", "destination %s is not owned by recipient",
	    m->path);
	log_warn("specify \"%s = no\" to ignore mailbox ownership mismatch",
	    "strict_mailbox_ownership");
}

/* Is the open file one that we may append to? */
static bool
check_file(const struct mbox *m, int fd, struct stat *st, struct why *why)
{
	if (fstat(fd, st) != 0)
		why_set(why, "4.2.0", "%s", strerror(errno));
	else if (S_ISDIR(st->st_mode))
		why_set(why, "5.2.0", "file is a directory");
	else if (!S_ISREG(st->st_mode) && m->must_be_file)
		why_set(why, "5.2.0", "file is not a regular file");
	else if (S_ISREG(st->st_mode) && st->st_nlink != 1)
		why_set(why, "5.2.0", "file has %lu hard links",
		    (unsigned long)st->st_nlink);
	else if (S_ISREG(st->st_mode) && m->strict_owner &&
	    st->st_uid != m->uid)
		wrong_owner(m, why);
	else
		return true;
	return false;
}

/* A link that only root can have made, and nobody else can change. */
static bool
is_roots_link(const char *path)
{
	struct stat link, parent;
	char	   *dir = directory_of(path);
	bool	    ok;

	ok = lstat(path, &link) == 0 && S_ISLNK(link.st_mode) &&
	    link.st_uid == 0 && stat(dir, &parent) == 0 &&
	    parent.st_uid == 0 && (parent.st_mode & (S_IWGRP | S_IWOTH)) == 0;
	mem_free(dir);
	return ok;
}

/* Opens what is there or makes it.  -1 with errno. */
static int
open_or_make(const struct mbox *m, bool as_root, bool *ret_is_new)
{
	int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	int fd = open(m->path, flags);

	*ret_is_new = false;
	if (fd < 0 && errno == ELOOP && is_roots_link(m->path))
		return open(m->path, flags & ~O_NOFOLLOW);
	if (fd < 0 && errno == ELOOP) {
		/* what is wrong with its end says more than that it is one */
		if (faccessat(AT_FDCWD, m->path, W_OK, AT_EACCESS) == 0)
			errno = ELOOP;
		return -1;
	}
	if (fd >= 0 || errno != ENOENT)
		return fd;
	*ret_is_new = true;
	fd = open(m->path, flags | O_CREAT | O_EXCL, 0600);
	if (fd >= 0 && as_root && fchown(fd, m->uid, m->gid) != 0) {
		close(fd);
		unlink(m->path);
		return -1;
	}
	return fd;
}

/* The file is open for writing alone, as FIFOs and the like want it. */
static bool
lacks_line_end(int fd, off_t size)
{
	char path[40], last = '\n';
	int  again;

	if (size == 0)
		return false;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if ((again = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return false;
	(void)!pread(again, &last, 1, size - 1);
	close(again);
	return last != '\n';
}

static bool
append(int fd, off_t *size, struct delivery *d, const struct content *c)
{
	if (lacks_line_end(fd, *size)) {
		if (!file_write_all(fd, "\n", 1))
			return false;
		++*size;
	}
	return content_write(fd, d, c) && fsync(fd) == 0;
}

static enum outcome
append_locked(const struct mbox *m, int fd, bool is_new, struct delivery *d,
    const struct content *c, struct why *why)
{
	struct stat	 st;
	off_t		 begin;
	int		 saved;

	if (!check_file(m, fd, &st, why))
		return why_outcome(why);
	if (!S_ISREG(st.st_mode)) {		/* /dev/null and the like */
		return content_write(fd, d, c) ? DONE :
		    content_not_written(why, errno);
	}
	if (quota_is_set(m->quota) && !quota_mbox_check(m->quota, st.st_size,
	    (int64_t)(d->file.t.header_len + d->file.t.body_len), why))
		return why_outcome(why);
	if (m->size_limit > 0 && (uint64_t)m->size_limit <
	    (uint64_t)st.st_size + d->file.t.size)
		return content_not_written(why, EFBIG);
	begin = st.st_size;
	if (append(fd, &begin, d, c) && (!is_new || file_sync_has_name(fd) ||
	    file_sync_parent(m->path))) {
		if (m->offset != NULL)
			*m->offset = begin;
		return DONE;
	}
	saved = errno;
	if (ftruncate(fd, st.st_size) != 0)
		log_warn("%s: cut back to %lld bytes after an error: %m",
		    m->path, (long long)st.st_size);
	return content_not_written(why, saved);
}

/* What time will not mend is returned. */
static const char *
dsn_of_open(int e)
{
	return e == EACCES || e == ENOENT || e == ENXIO || e == ELOOP ||
	    e == EISDIR || e == ENAMETOOLONG ? "5.2.0" : "4.2.0";
}

static enum outcome
open_failed(struct why *why, int e, bool making)
{
	if (e == ELOOP)
		why_set(why, "5.2.0", "file is a symbolic link");
	else
		why_set(why, dsn_of_open(e), "cannot %s: %s", making ?
		    "create file exclusively" : "open file", strerror(e));
	return why_outcome(why);
}

static enum outcome
not_locked(struct why *why, int e)
{
	why_set(why, "4.2.0", "unable to lock for exclusive access: %s",
	    strerror(e));
	return why_outcome(why);
}

/* A mailbox that somebody else has put there is no reason to return mail. */
static bool
is_not_owned(const struct mbox *m, int e, struct why *why)
{
	struct stat st;

	if (e != EACCES || !m->is_spool || !m->strict_owner ||
	    lstat(m->path, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_uid == m->uid)
		return false;
	wrong_owner(m, why);
	return true;
}

static enum outcome
open_and_append(const struct mbox *m, bool as_root, struct delivery *d,
    const struct content *c, struct why *why)
{
	bool		is_new;
	int		fd = open_or_make(m, as_root, &is_new);
	enum outcome	got;
	int		e = errno;

	if (fd < 0)
		return is_not_owned(m, e, why) ? why_outcome(why) :
		    open_failed(why, e, is_new);
	/* The ids of the owner around the write: its quota counts. */
	if (!lock_file(m, fd))
		got = not_locked(why, errno);
	else if (as_root && !proc_act_as(m->uid, m->gid))
		got = fail(why, "4.3.0", strerror(errno));
	else
		got = append_locked(m, fd, is_new, d, c, why);
	if (as_root)
		proc_rest_as_root();
	close(fd);
	return got;
}

enum lock_result { LOCKED, UNLOCKED, NO_LOCK };

/*
 * The lock file.  A user's mailbox needs it; another file's directory may take
 * none from us, and the file's own lock has to do.
 */
static enum lock_result
lock_by_name(const struct mbox *m, struct why *why)
{
	struct stat st;
	int	    e;

	if (!(m->locks & MBOX_DOTLOCK) || (!m->must_be_file &&
	    stat(m->path, &st) == 0 && !S_ISREG(st.st_mode)))
		return UNLOCKED;
	if (file_dotlock(m->path, m->lock_attempts * m->lock_delay,
	    m->stale_seconds))
		return LOCKED;
	e = errno;
	why_set(why, e == EAGAIN || e == EEXIST ? "4.2.0" : dsn_of_open(e),
	    "unable to create lock file %s.lock: %s", m->path,
	    strerror(e == EAGAIN ? EEXIST : e));
	if (m->must_be_file || e == EAGAIN || e == EEXIST)
		return NO_LOCK;
	log_warn("%s", why->text.data);
	return UNLOCKED;
}

enum outcome
mbox_append(const struct mbox *m, struct delivery *d, const struct content *c,
    struct why *why)
{
	bool		 root = geteuid() == 0, as_root;
	enum lock_result lock;
	enum outcome	 got;

	if (!become_maker(m, root, &as_root))
		return fail(why, "4.3.0", strerror(errno));
	if (turn_take(m->path, m->lock_attempts * m->lock_delay))
		d->waited = true;
	lock = lock_by_name(m, why);
	got = lock == NO_LOCK ? why_outcome(why) :
	    open_and_append(m, as_root, d, c, why);
	if (m->waits && got == FAILED && strcmp(why->dsn, "5.2.0") == 0) {
		strcpy(why->dsn, "4.2.0");
		got = TRY_LATER;
	}
	/* Root made the lock file where only root can. */
	if (lock == LOCKED)
		file_dotunlock(m->path);
	turn_end();
	if (root)
		proc_rest_as_root();
	return got;
}
