#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "mail/queue_dir.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/task.h"

/*
 * A directory that is synced again and again, kept open.  Syncs have numbers;
 * a name is on disk when a sync that began after the name was given has
 * ended well.
 */
struct dir_sync {
	struct dir_sync	 *next;
	char		 *path;
	int		  fd;
	bool		  running;
	uint64_t	  begun, ended;	/* numbers of the last ones */
	uint64_t	  good;		/* the last that ended well */
	int		  error;	/* errno of the last that did not */
	struct task_cond  done;
};

enum { DIRS_MAX = 300 };	/* kept open; more are hashed very deeply */

static struct {
	struct dir_sync	*first;
	int		 count;
} syncs;

static struct dir_sync *
find(const char *path)
{
	struct dir_sync *d;
	int		 fd;

	for (d = syncs.first; d != NULL; d = d->next)
		if (strcmp(d->path, path) == 0)
			return d;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	d = NEW(struct dir_sync);
	d->path = mem_strdup(path);
	d->fd = fd;
	task_cond_init(&d->done);
	d->next = syncs.first;
	syncs.first = d;
	syncs.count++;
	return d;
}

/* Some file systems have nothing to sync in a directory and say so. */
static bool
sync_fd(int fd)
{
	return task_fsync(fd) == 0 || errno == EINVAL;
}

static bool
sync_once(const char *path)
{
	int  fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok;
	int  error;

	if (fd < 0)
		return false;
	ok = sync_fd(fd);
	error = errno;
	close(fd);
	errno = error;
	return ok;
}

static void
run(struct dir_sync *d)
{
	uint64_t number = ++d->begun;

	d->running = true;
	if (sync_fd(d->fd))
		d->good = number;
	else
		d->error = errno;
	d->ended = number;
	d->running = false;
	task_wake_all(&d->done);
}

static bool
sync_dir(const char *path)
{
	struct dir_sync *d;
	uint64_t	 mine;

	if (!task_running())
		return sync_once(path);
	if (syncs.count >= DIRS_MAX)
		return sync_once(path);
	if ((d = find(path)) == NULL)
		return false;
	mine = d->begun + 1;
	while (d->ended < mine)
		if (d->running)
			task_wait(&d->done, CLOCK_NEVER);
		else
			run(d);
	if (d->good >= mine)
		return true;
	errno = d->error;
	return false;
}

bool
queue_dir_sync(const char *queue, const char *id)
{
	struct buf path = BUF_INIT;
	bool	   ok;

	queue_path(&path, queue, id);
	buf_cut(&path, (size_t)(strrchr(path.data, '/') - path.data));
	ok = sync_dir(path.data);
	buf_done(&path);
	return ok;
}
