/*
 * task_offload - calls that may block, in helper threads
 *
 *	task: queue job, park          helper: take job, run it, put it on
 *	                                       `done`, one write to the
 *	loop: take all of `done`,              eventfd if `done` was empty
 *	      make their tasks ready
 *
 * Several calls that end close together cost one wake-up.  A job lives on
 * its task's stack; the task is parked without a deadline until the helper
 * is through with it, because the helper can't be called back.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/task_int.h"

enum {
	IDLE_SECONDS = 10,		/* then a helper ends */
	STACK = 512 * 1024,		/* database clients want some */
};

struct job {
	struct list	 link;
	void		(*fn)(void *);
	void		*arg;
	struct task	*task;
};

static struct {
	pthread_mutex_t	 lock;
	pthread_cond_t	 more;
	struct list	 queue, done;
	int		 queued, threads, idle, max;
	int		 wake_fd;
} off = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.more = PTHREAD_COND_INITIALIZER,
	.queue = LIST_INIT(off.queue),
	.done = LIST_INIT(off.done),
	.max = 32,
	.wake_fd = -1,
};

void
task_offload_max(int threads)
{
	off.max = threads < 1 ? 1 : threads;
}

/* Under the lock: the next job; NULL when there was none for long. */
static struct job *
next_job(void)
{
	struct timespec until;
	struct list    *l;
	int		error = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += IDLE_SECONDS;
	off.idle++;
	while ((l = list_take(&off.queue)) == NULL && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&off.more, &off.lock, &until);
	off.idle--;
	if (l == NULL)
		return NULL;
	off.queued--;
	return LIST_ENTRY(l, struct job, link);
}

static void *
helper(void *arg)
{
	static const uint64_t one = 1;
	struct job	     *job;
	bool		      first;

	(void)arg;
	pthread_mutex_lock(&off.lock);
	while ((job = next_job()) != NULL) {
		pthread_mutex_unlock(&off.lock);
		job->fn(job->arg);
		pthread_mutex_lock(&off.lock);
		first = list_is_empty(&off.done);
		list_append(&off.done, &job->link);
		if (!first)
			continue;
		/* Not under the lock, which the loop wants at once. */
		pthread_mutex_unlock(&off.lock);
		if (write(off.wake_fd, &one, sizeof one) < 0)
			panic("eventfd: %m");
		pthread_mutex_lock(&off.lock);
	}
	off.threads--;
	pthread_mutex_unlock(&off.lock);
	return NULL;
}

/* Signals are the main thread's. */
static bool
start_helper(void)
{
	pthread_attr_t attr;
	pthread_t      thread;
	sigset_t       all, old;
	int	       error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK);
	error = pthread_create(&thread, &attr, helper, NULL);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error == 0;
}

static void
take_done(void)
{
	struct list *l;

	pthread_mutex_lock(&off.lock);
	while ((l = list_take(&off.done)) != NULL)
		task_ready(LIST_ENTRY(l, struct job, link)->task);
	pthread_mutex_unlock(&off.lock);
}

void
task_offload(void (*fn)(void *), void *arg)
{
	struct job job = { .fn = fn, .arg = arg, .task = task_current() };
	bool	   nobody = false;

	if (job.task == NULL) {
		fn(arg);
		return;
	}
	if (off.wake_fd < 0)
		off.wake_fd = task_fd_inner(TASK_INNER_OFFLOAD, take_done);

	pthread_mutex_lock(&off.lock);
	list_append(&off.queue, &job.link);
	off.queued++;
	if (off.queued > off.idle && off.threads < off.max) {
		off.threads++;
		if (!start_helper() && --off.threads == 0) {
			nobody = true;
			off.queued--;
			list_remove(&job.link);
		}
	}
	pthread_mutex_unlock(&off.lock);
	pthread_cond_signal(&off.more);

	if (nobody)		/* no thread to be had: better late */
		fn(arg);
	else
		task_park(CLOCK_NEVER);
}

struct sync {
	int	fd, result, error;
};

static void
do_fsync(void *arg)
{
	struct sync *s = arg;

	s->result = fsync(s->fd);
	s->error = errno;
}

int
task_fsync(int fd)
{
	struct sync s = { .fd = fd };

	task_offload(do_fsync, &s);
	errno = s.error;
	return s.result;
}

/* The helpers stayed in the parent. */
void
task_offload_after_fork(void)
{
	pthread_mutex_init(&off.lock, NULL);
	pthread_cond_init(&off.more, NULL);
	list_init(&off.queue);
	list_init(&off.done);
	off.queued = off.threads = off.idle = 0;
	off.wake_fd = -1;
}
