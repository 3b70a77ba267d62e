/* master - what the parts of master share */

#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/master_cf.h"
#include "net/addr.h"
#include "util/list.h"

/*
 * Master has one loop over epoll, without tasks: few things happen here, and
 * each is done at once.  A watch is the event's way back to its owner.
 */
struct watch {
	void	(*ready)(struct watch *);
	int	 fd;
	bool	 on;
};

void	watch_init(struct watch *, int fd, void (*ready)(struct watch *));
void	watch_on(struct watch *);	/* level-triggered, for reading */
void	watch_off(struct watch *);

/* A socket that is bound for a service. */
struct listener {
	struct list	 link;		/* of its job */
	struct watch	 watch;
	struct job	*job;
	struct addr	 addr;		/* inet */
	bool		 wanted;	/* by the configuration just read */
};

/* How the sessions of a program are spread over processes. */
enum job_kind {
	JOB_MULTI,		/* shares of maxproc */
	JOB_SERVICE,		/* questions of our own programs over kept
				   connections: no limit of sessions */
	JOB_SINGLE,		/* one session a process */
	JOB_ALONE,		/* one process, no limit of sessions */
};

/*
 * A service of master.cf with its listeners and workers.  While a worker is
 * open (takes sessions), master does not look at the listeners; otherwise it
 * starts another worker as soon as a connection waits, if it may.
 */
struct job {
	struct list	 link;
	struct service	 s;		/* owned copy; no name: dropped */
	char		*path;		/* of the program */
	char		*socket;	/* "private/bounce", NULL for inet */
	enum job_kind	 kind;
	struct list	 listeners;
	struct list	 workers;
	int		 listener_count;
	int		 workers_now;	/* all but retiring ones */
	int		 workers_max;	/* INT_MAX: no limit */
	int		 share_max;	/* sessions of a worker; or INT_MAX */
	int		 open;		/* workers that take sessions */
	int		 starting;	/* not yet ready */
	int64_t		 backoff_ms;	/* 0: the last one did well */
	int64_t		 not_before;	/* clock_ms: throttled; 0 not */
	int64_t		 wakeup_at;	/* clock_ms or CLOCK_NEVER */
	int64_t		 warned_at;	/* clock_ms: process limit */
	bool		 was_used;
	bool		 missing;	/* no program file: complained */
	int64_t		 calm_at;	/* clock_ms: end of stress, or
					   CLOCK_NEVER */
	bool		 wanted;	/* in the master.cf just read */
};

enum worker_state { WORKER_STARTING, WORKER_OPEN, WORKER_FULL,
	WORKER_RETIRING };

struct worker {
	struct list	 link;		/* of its job */
	struct watch	 watch;		/* status channel */
	struct job	*job;
	pid_t		 pid;
	enum worker_state state;
	int		 share;		/* sessions; 0 no limit */
	bool		 served;
};

/* --- master.c */

struct master {
	struct list	 jobs;
	unsigned	 generation;
	bool		 is_root;
	uid_t		 owner_uid;	/* mail_owner, if root */
	gid_t		 owner_gid;
	bool		 stopping;
};

extern struct master master;

/* --- job.c: when to start workers */

/* Is a connection to be waited for? */
void	job_update(struct job *);

/* Says that an inet service has as many sessions as it may, and hurries
 * them; without effect on one that may have one alone. */
void	job_reached_limit(struct job *);

/* Someone stopped listening: what it was given must not lie around. */
void	job_look(struct job *);

/* A worker failed before it was of any use: the next has to wait, longer and
 * longer if `grow`. */
enum throttle {
	THROTTLE_LITTLE,	/* as after a first crash */
	THROTTLE_MORE,		/* twice as long as the last time */
	THROTTLE_FULL,		/* service_throttle_time */
};

void	job_throttle(struct job *, enum throttle);

/* The earliest time at which a job wants jobs_tick(), or CLOCK_NEVER. */
int64_t	jobs_next(void);
void	jobs_tick(void);

/* --- table.c: services from master.cf */

/* Reads master.cf and brings the jobs in line with it.  False with why;
 * nothing was changed then. */
bool	jobs_read(const char **ret_why);

/* --- kinds.c */

/* JOB_MULTI for programs that are not known. */
enum job_kind	kind_of(const char *program);

/* --- listen.c */

/* Binds what is missing, closes what is not wanted any more.  What can't be
 * bound is fatal, or logged if `may_fail`. */
void	listen_open(struct job *, bool may_fail);
void	listen_close(struct job *);

/* --- worker.c */

void	worker_start(struct job *);
void	workers_retire(struct job *);	/* all of it */
void	workers_tell(struct job *, char order);
void	workers_kill(struct job *, int signo);
void	workers_reap(void);		/* after SIGCHLD */
int	workers_count(const struct job *);

#endif
