#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/queue_dir.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/list.h"
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
	int		 error;
};

static void
do_job(void *arg)
{
	struct job *job = arg;
	uint64_t    mine = 0;

	/* the file has its name: while it is synced, others may sync the
	 * directory for us */
	if (job->dir != NULL)
		mine = next_sync(job->dir);
	if (fsync(job->fd) != 0)
		job->error = errno;
	else if (job->dir != NULL)
		job->error = sync_dir(job->dir, mine);
	else if (syncfs(job->fd) != 0)
		job->error = errno;
}

/* --- together */

/*
 * Where the sync of a file is one of the whole journal up to the file's last
 * change (file_sync_has_name), one does for all who wait.  Of those that have
 * come while the last was running:
 *
 *	data is written out, each file telling its own errors, until the
 *	file system has noted that it is there;
 *	one file is changed once more, after all that was done to the others;
 *	that one is synced.
 *
 * A sync of each would wake up every one of them at the end of every commit,
 * and flush the disk's cache once more for each that comes late.  A large
 * file goes alone: the others would wait for its data.
 */
enum { TOGETHER_MAX = 1024 * 1024 };	/* bytes of a file */

struct member {
	struct list	 link;
	int		 fd, error;
	bool		 taken, done;	/* into a group; synced */
	struct task_cond over;
};

/* One group at a time wakes the fewest; on a slow disk, where those who just
 * missed it would wait for long, there are more. */
enum { SLOW_MS = 5, GROUPS_MAX = 4 };

static struct {
	struct list	 waiting;
	int		 running;	/* groups */
	bool		 is_slow;	/* as the last group's sync was */
} together = { .waiting = LIST_INIT(together.waiting) };

/* In a helper thread: a list of members. */
static void
sync_members(void *arg)
{
	struct list *members = arg;
	bool	     alone = members->next == members->prev;
	int	     last = LIST_ENTRY(members->prev, struct member, link)->fd;

	LIST_EACH(it, members)
		if (!alone)
			file_write_begin(LIST_ENTRY(it, struct member, link)->fd);
	LIST_EACH(it, members) {
		struct member *m = LIST_ENTRY(it, struct member, link);

		if (!alone && !file_write_out(m->fd))
			m->error = errno;
	}
	if ((alone || futimens(last, NULL) == 0) && fsync(last) == 0)
		return;
	LIST_EACH(it, members)
		LIST_ENTRY(it, struct member, link)->error = errno;
}

static void
lead(void)
{
	struct list  members = LIST_INIT(members);
	struct list *it;
	int64_t	     began = clock_ms();

	while ((it = list_take(&together.waiting)) != NULL) {
		LIST_ENTRY(it, struct member, link)->taken = true;
		list_append(&members, it);
	}
	task_offload(sync_members, &members);
	together.is_slow = clock_ms() - began >= SLOW_MS;
	while ((it = list_take(&members)) != NULL) {
		struct member *m = LIST_ENTRY(it, struct member, link);

		m->done = true;
		task_wake_one(&m->over);
	}
}

static bool
sync_alone(int fd)
{
	struct member m = { .fd = fd };
	struct list   members = LIST_INIT(members);

	list_append(&members, &m.link);
	task_offload(sync_members, &members);
	errno = m.error;
	return m.error == 0;
}

static bool
sync_together(int fd)
{
	struct member m = { .fd = fd };

	task_cond_init(&m.over);
	list_append(&together.waiting, &m.link);
	while (!m.done && (m.taken || together.running >=
	    (together.is_slow ? GROUPS_MAX : 1)))
		task_wait(&m.over, CLOCK_NEVER);
	if (!m.done) {
		together.running++;
		lead();
		together.running--;
		if (!list_is_empty(&together.waiting))
			task_wake_one(&LIST_ENTRY(together.waiting.next,
			    struct member, link)->over);
	}
	errno = m.error;
	return m.error == 0;
}

void
queue_sync_init(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		file_sync_has_name(fd);
		close(fd);
	}
}

bool
queue_sync(int fd, const char *queue, const char *id)
{
	struct job  job = { .fd = fd };
	struct buf  path = BUF_INIT;
	struct stat st;
	bool	    must_close = false;

	if (fstat(fd, &st) == 0 && file_sync_has_name_on(fd, st.st_dev))
		return st.st_size > TOGETHER_MAX ? sync_alone(fd) :
		    sync_together(fd);
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
