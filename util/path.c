#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "util/mem.h"

enum { LINKS_MAX = 40 };	/* as the kernel has it */

struct walk {
	int		   dir;		/* where `rest` begins */
	struct stat	   dir_st;
	char		  *rest;	/* what is still to be followed */
	int		   links;
	struct path_steer *steer;
};

static void
note(struct path_steer *s, uid_t uid)
{
	if (uid == 0)
		return;
	if (s->by_user && s->uid != uid)
		s->by_many = true;
	s->by_user = true;
	s->uid = uid;
}

static bool
is_sticky(const struct stat *dir)
{
	return (dir->st_mode & S_ISVTX) != 0;
}

/* Goes on in `fd`, which is closed later. */
static void
enter(struct walk *w, int fd, const struct stat *st)
{
	if (w->dir >= 0)
		close(w->dir);
	w->dir = fd;
	w->dir_st = *st;
	note(w->steer, st->st_uid);
	if ((st->st_mode & S_IWOTH) != 0 && !is_sticky(st))
		w->steer->by_many = true;
}

static bool
enter_root(struct walk *w)
{
	struct stat st;
	int	    fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	enter(w, fd, &st);
	return true;
}

/* The next name of `rest`, which then has what comes after it; NULL: none. */
static char *
next_name(struct walk *w)
{
	char  *name;
	size_t n;

	w->rest += strspn(w->rest, "/");
	n = strcspn(w->rest, "/");
	if (n == 0)
		return NULL;
	name = mem_strndup(w->rest, n);
	w->rest += n;
	return name;
}

/* What the link `fd` says comes before the rest.  `text` holds `rest`. */
static bool
take_link(struct walk *w, int fd, const struct stat *st, char text[PATH_MAX])
{
	char	target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof target);
	size_t	rest = strlen(w->rest);

	if (n < 0)
		return false;
	note(w->steer, st->st_uid);
	errno = ++w->links > LINKS_MAX ? ELOOP : ENAMETOOLONG;
	if (w->links > LINKS_MAX || (size_t)n + rest >= PATH_MAX)
		return false;
	memmove(text + n, w->rest, rest + 1);
	memcpy(text, target, (size_t)n);
	w->rest = text;
	return *text != '/' || enter_root(w);
}

/* One name further.  False with errno. */
static bool
step(struct walk *w, const char *name, struct stat *st, char text[PATH_MAX])
{
	int  fd = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	bool ok = fd >= 0 && fstat(fd, st) == 0;
	int  saved;

	if (ok && is_sticky(&w->dir_st))
		note(w->steer, st->st_uid);
	if (ok && S_ISDIR(st->st_mode)) {
		enter(w, fd, st);
		return true;
	}
	if (ok && S_ISLNK(st->st_mode)) {
		ok = take_link(w, fd, st, text);
	} else if (ok && *w->rest != '\0') {
		errno = ENOTDIR;
		ok = false;
	}
	saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return ok;
}

bool
path_follow(const char *path, struct stat *ret_st, struct path_steer *ret_steer)
{
	struct path_steer steer = { 0 };
	struct walk	  w = { .dir = -1, .steer = &steer };
	struct stat	  st;
	char		  text[PATH_MAX], *name;
	bool		  ok;
	int		  saved;

	errno = *path != '/' ? EINVAL : ENAMETOOLONG;
	if (*path != '/' || strlen(path) >= sizeof text)
		return false;
	/* Mounts on demand happen now: O_PATH would pass them by. */
	if (stat(path, &st) != 0)
		return false;
	strcpy(text, path);
	w.rest = text;
	ok = enter_root(&w);
	st = w.dir_st;
	while (ok && (name = next_name(&w)) != NULL) {
		ok = step(&w, name, &st, text);
		mem_free(name);
	}
	saved = errno;
	if (w.dir >= 0)
		close(w.dir);
	errno = saved;
	if (ok) {
		*ret_st = st;
		*ret_steer = steer;
	}
	return ok;
}

bool
path_is_steered_by(const struct path_steer *s, uid_t uid)
{
	return !s->by_many && (!s->by_user || s->uid == uid);
}
