#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "mail/queue_dir.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/mem.h"
#include "util/task.h"

/*
 * A directory that is synced again and again, kept open.  Syncs have numbers;
 * a name is on disk when a sync that began after the name was given has ended
 * and none since has failed.  Helper threads do the syncs: `lock` guards what
 * they share.
 */
struct dir_sync {
	struct dir_sync	 *next;
	char		 *path;
	int		  fd;
	pthread_mutex_t	  lock;
	pthread_cond_t	  done;
	bool		  running;
	uint64_t	  begun, ended;	/* numbers of the last ones */
	uint64_t	  bad;		/* the last that failed */
	int		  error;	/* and its errno */
};

enum { DIRS_MAX = 300 };	/* kept open; more are hashed very deeply */

static struct {
	struct dir_sync	*first;
	int		 count;
} syncs;

static struct dir_sync *
open_dir(const char *path)
{
	struct dir_sync *d;
	int		 fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	d = NEW(struct dir_sync);
	d->path = mem_strdup(path);
	d->fd = fd;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->done, NULL);
	return d;
}

static void
close_dir(struct dir_sync *d)
{
	close(d->fd);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->done);
	mem_free(d->path);
	mem_free(d);
}

/* The directory, and whether the caller is to close it. */
static struct dir_sync *
get_dir(const char *path, bool *ret_close)
{
	struct dir_sync *d;

	*ret_close = false;
	for (d = syncs.first; d != NULL; d = d->next)
		if (strcmp(d->path, path) == 0)
			return d;
	if ((d = open_dir(path)) == NULL)
		return NULL;
	if (syncs.count >= DIRS_MAX) {
		*ret_close = true;
		return d;
	}
	d->next = syncs.first;
	syncs.first = d;
	syncs.count++;
	return d;
}

/* --- in a helper thread */

/* With the lock held; it is given up while the sync runs.  Some file systems
 * have nothing to sync in a directory and say so. */
static void
run(struct dir_sync *d)
{
	uint64_t number = ++d->begun;
	int	 error;

	d->running = true;
	pthread_mutex_unlock(&d->lock);
	error = fsync(d->fd) == 0 || errno == EINVAL ? 0 : errno;
	pthread_mutex_lock(&d->lock);
	if (error != 0) {
		d->bad = number;
		d->error = error;
	}
	d->ended = number;
	d->running = false;
	pthread_cond_broadcast(&d->done);
}

/* The first sync that will cover names given until now. */
static uint64_t
next_sync(struct dir_sync *d)
{
	uint64_t next;

	pthread_mutex_lock(&d->lock);
	next = d->begun + 1;
	pthread_mutex_unlock(&d->lock);
	return next;
}

/* Waits for sync `mine`, or does it.  One runs, those who come in the
 * meantime share the next. */
static int
sync_dir(struct dir_sync *d, uint64_t mine)
{
	int error;

	pthread_mutex_lock(&d->lock);
	while (d->ended < mine)
		if (d->running)
			pthread_cond_wait(&d->done, &d->lock);
		else
			run(d);
	/* after a failure a later success proves nothing */
	error = d->bad >= mine ? d->error : 0;
	pthread_mutex_unlock(&d->lock);
	return error;
}

struct job {
	int		 fd;
	struct dir_sync	*dir;		/* NULL: the whole file system */
	bool		 has_name;	/* the file's sync covers its name */
	int		 error;
};

static void
do_job(void *arg)
{
	struct job *job = arg;
	uint64_t    mine = 0;

	/* the file has its name: while it is synced, others may sync the
	 * directory for us */
	if (job->dir != NULL && !job->has_name)
		mine = next_sync(job->dir);
	if (fsync(job->fd) != 0)
		job->error = errno;
	else if (job->has_name)
		return;
	else if (job->dir != NULL)
		job->error = sync_dir(job->dir, mine);
	else if (syncfs(job->fd) != 0)
		job->error = errno;
}

bool
queue_sync(int fd, const char *queue, const char *id)
{
	struct job job = { .fd = fd, .has_name = file_sync_has_name(fd) };
	struct buf path = BUF_INIT;
	bool	   must_close = false;

	queue_path(&path, queue, id);
	buf_cut(&path, (size_t)(strrchr(path.data, '/') - path.data));
	job.dir = get_dir(path.data, &must_close);
	if (job.dir == NULL && errno != EACCES)
		job.error = errno;
	else
		task_offload(do_job, &job);
	if (must_close)
		close_dir(job.dir);
	buf_done(&path);
	errno = job.error;
	return job.error == 0;
}
