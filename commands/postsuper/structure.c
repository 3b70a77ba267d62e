#include "commands/postsuper/structure.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mail/queue_dir.h"
#include "mail/queue_id.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/text.h"

enum {
	TEMP_AGE = 24 * 60 * 60,	/* seconds; older is forgotten */
	DEPTH_MAX = 8,			/* of directories */
};

struct look {
	const char	*queue;
	bool		 fix, purge, has_messages;
	int		 levels;	/* of hash directories */
	unsigned long	 renamed;
};

/* --- names */

/* What the id would be if it was made of this inode number. */
static void
id_for_inode(const char *id, ino_t ino, char ret[QUEUE_ID_MAX])
{
	int64_t us = queue_id_time(id);
	char	first[6];

	if (us >= 0) {
		queue_id_make(ret, us, ino, true);
		return;
	}
	snprintf(first, sizeof first, "%.5s", id);
	queue_id_make(ret, (int64_t)strtoul(first, NULL, 16), ino, false);
}

static bool
rename_to(const char *from, const char *queue, const char *id)
{
	struct buf to = BUF_INIT;
	bool	   ok = queue_make_dirs(queue, id);

	queue_path(&to, queue, id);
	if (strcmp(from, to.data) != 0) {
		ok = renameat2(AT_FDCWD, from, AT_FDCWD, to.data,
		    RENAME_NOREPLACE) == 0;
		if (!ok)
			log_warn("rename %s to %s: %s", from, to.data,
			    strerror(errno));
	}
	buf_done(&to);
	return ok;
}

/*
 * A file that was restored from elsewhere has an id that a new message might
 * get; its logs follow it.
 */
static bool
fix_message(const char *path, const char *queue, const char *id, ino_t ino)
{
	static const char *const logs[] = { QUEUE_BOUNCE, QUEUE_DEFER,
		QUEUE_TRACE };
	char	   right[QUEUE_ID_MAX];
	struct buf log = BUF_INIT;

	id_for_inode(id, ino, right);
	if (!rename_to(path, queue, right) || strcmp(id, right) == 0)
		return false;
	for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
		buf_clear(&log);
		queue_path(&log, logs[i], id);
		if (access(log.data, F_OK) == 0)
			rename_to(log.data, logs[i], right);
	}
	buf_done(&log);
	return true;
}

/* --- going through a queue */

/* How many directories stand between a queue and its files. */
static int
hash_levels(const char *queue)
{
	struct buf path = BUF_INIT;
	int	   slashes = 0;

	queue_path(&path, queue, "0000000000");
	for (const char *p = path.data; *p != '\0'; p++)
		slashes += *p == '/';
	buf_done(&path);
	return slashes - 1;
}

static void
look_at_file(struct look *l, const char *path, const char *name,
    const struct stat *st)
{
	if (text_starts(name, ".tmp-")) {	/* somebody's at work there */
		if (l->purge && st->st_mtime + TEMP_AGE < time(NULL))
			unlink(path);
	} else if (!queue_id_is_valid(name)) {
		/* flush has names of sites */
		if (strcmp(l->queue, QUEUE_FLUSH) != 0)
			log_warn("bogus file name: %s", path);
	} else if (l->fix) {
		/* one in delivery must keep its name */
		if (l->has_messages && strcmp(l->queue, QUEUE_ACTIVE) != 0)
			l->renamed += fix_message(path, l->queue, name,
			    st->st_ino);
		else
			rename_to(path, l->queue, name);
	}
}

static void walk(struct look *, const char *path, int depth);

static void
look_at(struct look *l, const char *path, const char *name, int depth)
{
	bool	    is_hash = name[1] == '\0' && depth < l->levels;
	struct stat st;

	if (lstat(path, &st) != 0)
		return;
	if (S_ISREG(st.st_mode))
		look_at_file(l, path, name, &st);
	else if (!S_ISDIR(st.st_mode)) {
		if (l->fix)
			unlink(path);
	} else if (depth < DEPTH_MAX) {
		walk(l, path, depth + 1);
		if (l->fix && !is_hash)
			rmdir(path);	/* when it's empty */
	}
}

static void
walk(struct look *l, const char *path, int depth)
{
	DIR	      *dir = opendir(path);
	struct dirent *e;
	struct buf     sub = BUF_INIT;

	/* A hash directory may have gone meanwhile. */
	if (dir == NULL && (errno != ENOENT || depth == 0))
		fatalx("scan_dir_push: open directory %s: %s", path,
		    strerror(errno));
	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		buf_clear(&sub);
		buf_addf(&sub, "%s/%s", path, e->d_name);
		look_at(l, sub.data, e->d_name, depth);
	}
	closedir(dir);
	buf_done(&sub);
}

unsigned long
structure_look(const char *queue, bool fix, bool purge, bool has_messages)
{
	struct look l = { .queue = queue, .fix = fix, .purge = purge,
	    .has_messages = has_messages, .levels = hash_levels(queue) };

	walk(&l, queue, 0);
	return l.renamed;
}
