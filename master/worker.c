/* worker - processes of services: starting, their reports, their end */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "master/master.h"
#include "server/master_proto.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"

enum { ARGS_OWN = 20 };	/* arguments that we add, at most */

/* --- counting */

static void
set_state(struct worker *w, enum worker_state state)
{
	struct job *j = w->job;

	if (w->state == state || w->state == WORKER_RETIRING)
		return;
	if (w->state == WORKER_STARTING)
		j->starting--;
	else if (w->state == WORKER_OPEN)
		j->open--;
	if (state == WORKER_OPEN)
		j->open++;
	else if (state == WORKER_RETIRING)
		j->workers_now--;
	w->state = state;
}

int
workers_count(const struct job *j)
{
	int n = 0;

	for (const struct list *l = j->workers.next; l != &j->workers;
	    l = l->next)
		n++;
	return n;
}

/* --- reports */

static void
on_byte(struct worker *w, char byte)
{
	struct job *j = w->job;

	switch (byte) {
	case MASTER_READY:
	case MASTER_OPEN:
		set_state(w, WORKER_OPEN);
		job_update(j);
		break;
	case MASTER_FULL:
		set_state(w, WORKER_FULL);
		job_look(j);
		break;
	case MASTER_LEAVING:
		set_state(w, WORKER_RETIRING);
		job_look(j);
		break;
	case MASTER_SERVED:
		w->served = true;
		j->backoff_ms = 0;
		break;
	default:
		/* It may have been taken over; it gains nothing here. */
		break;
	}
}

/* False: there will be no more. */
static bool
take_reports(struct worker *w)
{
	char	bytes[64];
	ssize_t n = read(w->watch.fd, bytes, sizeof bytes);

	for (ssize_t i = 0; i < n; i++)
		on_byte(w, bytes[i]);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/*
 * At the end of reports it ended, and SIGCHLD will tell how: until then its
 * place is taken, since a bad end may mean to wait.  If it only closed its
 * channel it is of no use any more; who is ending already does not feel this.
 */
static void
on_report(struct watch *watch)
{
	struct worker *w = LIST_ENTRY(watch, struct worker, watch);

	if (take_reports(w))
		return;
	watch_off(watch);
	kill(w->pid, SIGKILL);
}

/* --- starting */

/* Shares of maxproc that add up to it; 0: no limit. */
static int
next_share(const struct job *j)
{
	int taken = 0, left = j->workers_max, share;

	if (j->kind != JOB_MULTI)
		return 0;
	if (j->s.maxproc == 0)
		return j->share_max == INT_MAX ? 0 : j->share_max;
	for (const struct list *l = j->workers.next; l != &j->workers;
	    l = l->next) {
		const struct worker *w = LIST_ENTRY(l, struct worker, link);

		if (w->state != WORKER_RETIRING) {
			taken += w->share;
			left--;
		}
	}
	if (left < 1)
		left = 1;
	share = (j->s.maxproc - taken + left - 1) / left;
	if (share > j->share_max)
		share = j->share_max;
	return share > 0 ? share : 1;
}

static char **
make_argv(const struct job *j, int share)
{
	char **argv, **a;

	a = argv = mem_zalloc(((size_t)j->s.argc + ARGS_OWN) * sizeof *argv);
	*a++ = mem_strdup(j->s.program);
	*a++ = mem_strdup("-n");
	*a++ = mem_strdup(j->s.name);
	*a++ = mem_strdup("-t");
	*a++ = mem_strdup(service_type_name(j->s.type));
	*a++ = mem_strdup("-s");
	*a++ = mem_printf("%d", j->listener_count);
	*a++ = mem_strdup("-m");
	*a++ = mem_printf("%d", share);
	if (j->s.unprivileged)
		*a++ = mem_strdup("-u");
	if (j->s.chroot)
		*a++ = mem_strdup("-z");
	if (j->s.type == SERVICE_INET) {
		*a++ = mem_strdup("-o");
		*a++ = mem_strdup(j->calm_at != CLOCK_NEVER ? "stress=yes" :
		    "stress=");
	}
	for (int i = 1; i < j->s.argc; i++)
		*a++ = mem_strdup(j->s.argv[i]);
	return argv;
}

static void
free_argv(char **argv)
{
	for (char **a = argv; *a != NULL; a++)
		mem_free(*a);
	mem_free(argv);
}

/*
 * Descriptors are moved above all targets first, so that none is overwritten
 * before it was moved.
 */
static void
place_descriptors(const struct job *j, int status_fd)
{
	int n = MASTER_FD_LISTEN + j->listener_count, next = MASTER_FD_LISTEN;

	status_fd = fcntl(status_fd, F_DUPFD, n);
	LIST_EACH(it, &((struct job *)j)->listeners) {
		struct watch *w = &LIST_ENTRY(it, struct listener, link)->watch;

		w->fd = fcntl(w->fd, F_DUPFD, n);
	}
	if (dup2(status_fd, MASTER_FD_STATUS) < 0)
		_exit(126);
	LIST_EACH(it, &((struct job *)j)->listeners)
		if (dup2(LIST_ENTRY(it, struct listener, link)->watch.fd,
		    next++) < 0)
			_exit(126);
	proc_keep_files_below(n);
}

static void
run_program(const struct job *j, char **argv, int status_fd)
{
	char	 generation[16];
	sigset_t none;

	/* Afterwards the log is closed. */
	if (access(j->path, X_OK) < 0)
		fatal("master_spawn: exec %s", j->path);
	place_descriptors(j, status_fd);
	snprintf(generation, sizeof generation, "%x", master.generation);
	setenv("GENERATION", generation, 1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execv(j->path, argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static void
cannot_start(struct job *j, const char *what)
{
	log_warn("%s for service \"%s\": %s", what, j->s.name,
	    strerror(errno));
	job_throttle(j, THROTTLE_MORE);
	job_update(j);
}

void
worker_start(struct job *j)
{
	struct worker *w;
	char	     **argv;
	int	       pair[2], share = next_share(j);
	pid_t	       pid;

	j->was_used = true;
	/* It is full with its first session: there will be no better moment
	 * to hurry it. */
	if (j->kind == JOB_MULTI && share == 1 && j->s.maxproc > 0 &&
	    j->workers_now + 1 >= j->workers_max)
		job_reached_limit(j);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    pair) < 0) {
		cannot_start(j, "socketpair");
		return;
	}
	argv = make_argv(j, share);
	log_flush();
	pid = fork();
	if (pid == 0)
		run_program(j, argv, pair[1]);
	free_argv(argv);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		cannot_start(j, "fork");
		return;
	}
	w = NEW(struct worker);
	w->job = j;
	w->pid = pid;
	w->share = share;
	w->state = WORKER_STARTING;
	j->starting++;
	j->workers_now++;
	watch_init(&w->watch, pair[0], on_report);
	watch_on(&w->watch);
	list_append(&j->workers, &w->link);
	job_update(j);
}

/* --- ending */

void
workers_tell(struct job *j, char order)
{
	LIST_EACH(it, &j->workers)
		(void)!write(LIST_ENTRY(it, struct worker, link)->watch.fd,
		    &order, 1);
}

void
workers_retire(struct job *j)
{
	workers_tell(j, MASTER_RETIRE);
	LIST_EACH(it, &j->workers)
		set_state(LIST_ENTRY(it, struct worker, link),
		    WORKER_RETIRING);
}

void
workers_kill(struct job *j, int signo)
{
	LIST_EACH(it, &j->workers)
		kill(LIST_ENTRY(it, struct worker, link)->pid, signo);
}

static void
on_bad_end(struct worker *w, int status)
{
	struct job *j = w->job;

	if (WIFSIGNALED(status))
		log_warn("process %s pid %d killed by signal %d", j->path,
		    (int)w->pid, WTERMSIG(status));
	else
		log_warn("process %s pid %d exit status %d", j->path,
		    (int)w->pid, WEXITSTATUS(status));
	if (!w->served) {
		log_warn("%s: bad command startup -- throttling", j->path);
		/* Someone else killed it: that says nothing about it.  What
		 * gives up by itself would do so again. */
		job_throttle(j, status == SIGKILL ? THROTTLE_LITTLE :
		    WIFSIGNALED(status) ? THROTTLE_MORE : THROTTLE_FULL);
	}
	/* Work that nobody connects for goes on at once. */
	if (j->wakeup_at != CLOCK_NEVER)
		j->wakeup_at = j->not_before > 0 ? j->not_before : clock_ms();
}

static void
ended(struct worker *w, int status)
{
	struct job *j = w->job;

	/* What it said last.  Its number may be another process's now: no
	 * signal may go there. */
	if (w->watch.on)
		take_reports(w);
	if (status != 0 && !master.stopping)
		on_bad_end(w, status);
	set_state(w, WORKER_RETIRING);
	watch_off(&w->watch);
	close(w->watch.fd);
	list_remove(&w->link);
	mem_free(w);
	job_look(j);
}

static struct worker *
find_worker(pid_t pid)
{
	LIST_EACH(it, &master.jobs)
		LIST_EACH(wit, &LIST_ENTRY(it, struct job, link)->workers) {
			struct worker *w = LIST_ENTRY(wit, struct worker, link);

			if (w->pid == pid)
				return w;
		}
	return NULL;
}

/* As process 1 of a container we get the orphans too. */
void
workers_reap(void)
{
	struct worker *w;
	int	       status;
	pid_t	       pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if ((w = find_worker(pid)) != NULL)
			ended(w, status);
}
