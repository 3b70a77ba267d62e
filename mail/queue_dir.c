#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mail/queue_dir.h"
#include "mail/queue_id.h"
#include "util/buf.h"
#include "util/mem.h"

enum { HASH_DEPTH_MAX = 8 };

static struct {
	char	*hashed;	/* names between spaces: " deferred defer " */
	int	 depth;
} dirs;

void
queue_dir_init(const char *hashed_names, int depth)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, " %s ", hashed_names);
	for (char *p = b.data; *p != '\0'; p++)
		if (strchr(",\t\r\n", *p) != NULL)
			*p = ' ';
	mem_free(dirs.hashed);
	dirs.hashed = buf_take(&b);
	dirs.depth = depth > HASH_DEPTH_MAX ? HASH_DEPTH_MAX : depth;
}

/* Before queue_dir_init(): Postfix's defaults. */
static int
hash_depth(const char *queue)
{
	const char *names = dirs.hashed, *p;
	size_t	    len = strlen(queue);

	if (names == NULL)
		return strcmp(queue, QUEUE_DEFERRED) == 0 ||
		    strcmp(queue, QUEUE_DEFER) == 0;
	for (p = strstr(names, queue); p != NULL; p = strstr(p + 1, queue))
		if (p[-1] == ' ' && p[len] == ' ')
			return dirs.depth;
	return 0;
}

/*
 * The characters that name the hash directories.  The first ones of a short
 * id are the microseconds of its birth: evenly spread.  A long id begins with
 * the seconds, the same for all the mail of a day, so its microseconds are
 * taken in the form that a short id would have.
 */
static void
hash_chars(const char *id, char ret[QUEUE_ID_MAX])
{
	int64_t wall_us = queue_id_time(id);

	if (wall_us < 0)
		snprintf(ret, QUEUE_ID_MAX, "%s", id);
	else
		snprintf(ret, QUEUE_ID_MAX, "%05X",
		    (unsigned)(wall_us % 1000000));
}

void
queue_path(struct buf *path, const char *queue, const char *id)
{
	int  depth = hash_depth(queue);
	char chars[QUEUE_ID_MAX] = "";

	buf_adds(path, queue);
	buf_addc(path, '/');
	if (depth > 0)
		hash_chars(id, chars);
	for (int i = 0; i < depth && chars[i] != '\0'; i++) {
		buf_addc(path, chars[i]);
		buf_addc(path, '/');
	}
	buf_adds(path, id);
}

/* Makes the directories between the queue's own and the last name. */
static bool
make_hash_dirs(struct buf *path)
{
	char *slash = strchr(path->data, '/');

	while (slash != NULL && (slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (mkdir(path->data, 0700) != 0 && errno != EEXIST) {
			*slash = '/';
			return false;
		}
		*slash = '/';
	}
	return true;
}

bool
queue_make_dirs(const char *queue, const char *id)
{
	struct buf path = BUF_INIT;
	bool	   ok;

	queue_path(&path, queue, id);
	ok = make_hash_dirs(&path);
	buf_done(&path);
	return ok;
}

bool
queue_move(const char *id, const char *from, const char *to)
{
	struct buf old = BUF_INIT, new = BUF_INIT;
	bool	   ok;

	queue_path(&old, from, id);
	queue_path(&new, to, id);
	ok = rename(old.data, new.data) == 0;
	if (!ok && errno == ENOENT && hash_depth(to) > 0)
		ok = access(old.data, F_OK) == 0 && make_hash_dirs(&new) &&
		    rename(old.data, new.data) == 0;
	buf_done(&old);
	buf_done(&new);
	return ok;
}

int
queue_open(const char *queue, const char *id, int flags)
{
	struct buf path = BUF_INIT;
	int	   fd;

	queue_path(&path, queue, id);
	fd = open(path.data, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == ENOENT && (flags & O_CREAT) != 0 &&
	    make_hash_dirs(&path))
		fd = open(path.data, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	buf_done(&path);
	return fd;
}

bool
queue_remove(const char *queue, const char *id)
{
	struct buf path = BUF_INIT;
	bool	   ok;

	queue_path(&path, queue, id);
	ok = unlink(path.data) == 0;
	buf_done(&path);
	return ok;
}

/*
 * A scan descends into one-character directories whatever the depth is now,
 * so that messages are found after hash_queue_depth was changed.
 */
struct queue_scan {
	DIR		*level[HASH_DEPTH_MAX + 1];
	size_t		 path_len[HASH_DEPTH_MAX + 1];
	int		 top;		/* -1: at the end */
	struct buf	 path;
	struct buf	 id;
};

static bool
descend(struct queue_scan *s)
{
	DIR *dir = opendir(s->path.data);

	if (dir == NULL)
		return false;
	s->top++;
	s->level[s->top] = dir;
	s->path_len[s->top] = s->path.len;
	return true;
}

struct queue_scan *
queue_scan_open(const char *queue)
{
	struct queue_scan *s = NEW(struct queue_scan);

	s->path = s->id = (struct buf)BUF_INIT;
	s->top = -1;
	buf_adds(&s->path, queue);
	descend(s);
	return s;
}

static bool
is_hash_name(const char *name)
{
	return name[0] != '.' && name[0] != '\0' && name[1] == '\0';
}

const char *
queue_scan_next(struct queue_scan *s)
{
	struct dirent *e;

	while (s->top >= 0) {
		if ((e = readdir(s->level[s->top])) == NULL) {
			closedir(s->level[s->top--]);
		} else if (is_hash_name(e->d_name)) {
			buf_cut(&s->path, s->path_len[s->top]);
			buf_addf(&s->path, "/%s", e->d_name);
			if (s->top < HASH_DEPTH_MAX)
				descend(s);
		} else if (queue_id_is_valid(e->d_name)) {
			buf_set(&s->id, e->d_name);
			return s->id.data;
		}
	}
	return NULL;
}

void
queue_scan_close(struct queue_scan *s)
{
	if (s == NULL)
		return;
	while (s->top >= 0)
		closedir(s->level[s->top--]);
	buf_done(&s->path);
	buf_done(&s->id);
	mem_free(s);
}
