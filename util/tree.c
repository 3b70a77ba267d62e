#include "util/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/mem.h"

/* -1, NULL: no directory, or not for us. */
static int
open_below(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
}

/* Takes the descriptor. */
static DIR *
open_dir(int fd)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL && fd >= 0)
		close(fd);
	return dir;
}

/* The next entry that is none of the two dots; NULL: no more. */
static const char *
next_name(DIR *dir, struct stat *st)
{
	struct dirent *e;

	while ((e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0 && fstatat(dirfd(dir),
		    e->d_name, st, AT_SYMLINK_NOFOLLOW) == 0)
			return e->d_name;
	return NULL;
}

static void
empty(int fd, const char *path, bool files, tree_left_fn *left)
{
	DIR	   *dir = open_dir(fd);
	const char *name;
	struct stat st;
	char	   *below;

	while (dir != NULL && (name = next_name(dir, &st)) != NULL) {
		if (!S_ISDIR(st.st_mode)) {
			if (files || S_ISSOCK(st.st_mode) ||
			    S_ISFIFO(st.st_mode))
				unlinkat(dirfd(dir), name, 0);
			continue;
		}
		below = mem_printf("%s/%s", path, name);
		empty(open_below(dirfd(dir), name), below, files, left);
		if (unlinkat(dirfd(dir), name, AT_REMOVEDIR) != 0 &&
		    errno != ENOENT)
			left(below);
		mem_free(below);
	}
	if (dir != NULL)
		closedir(dir);
}

void
tree_remove(const char *path, bool files, tree_left_fn *left)
{
	empty(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path, files,
	    left);
	if (rmdir(path) != 0 && errno != ENOENT)
		left(path);
}

static bool
has_file(int fd)
{
	DIR	   *dir = open_dir(fd);
	const char *name;
	struct stat st;
	bool	    found = false;

	while (!found && dir != NULL && (name = next_name(dir, &st)) != NULL)
		if (*name != '.')
			found = S_ISDIR(st.st_mode) ?
			    has_file(open_below(dirfd(dir), name)) :
			    S_ISREG(st.st_mode);
	if (dir != NULL)
		closedir(dir);
	return found;
}

bool
tree_has_file(const char *path)
{
	return has_file(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}
