/* proc - processes and privileges */

#ifndef UTIL_PROC_H
#define UTIL_PROC_H

#include <stdbool.h>
#include <sys/types.h>

/* uid, gid and supplementary groups for good; `user` for initgroups() or
 * NULL for none.  False with errno. */
bool	proc_become(uid_t, gid_t, const char *user);

/*
 * Effective ids and the supplementary groups, and back to root: around one
 * delivery.  The group stays a supplementary one of root's.  False with errno;
 * the ids are then in part those of before.
 */
bool	proc_act_as(uid_t, gid_t);
bool	proc_act_as_root(void);

/* Back to root between two deliveries: the group stays the user's, and the
 * next in the same group need not change it.  What root makes meanwhile
 * belongs to it. */
bool	proc_rest_as_root(void);

/* PR_SET_NO_NEW_PRIVS, not dumpable, no core with secrets. */
bool	proc_no_new_privs(void);

/*
 * What a jailed program may do.  The filter (libseccomp) kills the process
 * with SIGSYS when it leaves the set; Landlock limits the paths where the
 * kernel has it.  All false with errno; ENOSYS where the kernel lacks it.
 */
enum proc_jail {
	PROC_JAIL_NET = 1,	/* sockets, connect, accept */
	PROC_JAIL_FILES = 2,	/* open, rename, link, unlink ... */
	PROC_JAIL_EXEC = 4,	/* fork and exec */
	PROC_JAIL_IDS = 8,	/* change of uid and gid */
};

bool	proc_seccomp(unsigned allow);

struct proc_path {
	const char	*path;
	bool		 write;
};

bool	proc_landlock(const struct proc_path *, size_t n);

/*
 * Runs a program to its end: argv as for execve, `env` NULL for our own,
 * `input`/`output` descriptors or -1 for /dev/null.  wait_seconds 0: no
 * limit; at the limit the process group is killed and the result is -1 with
 * ETIMEDOUT.  Otherwise the wait status.  Must not be called in a process
 * that serves other sessions at the same time.
 */
int	proc_run(char *const argv[], char *const env[], int input, int output,
	    int wait_seconds);

/*
 * Raises RLIMIT_NOFILE to the hard limit; the new limit.  And down to what other
 * programs are used to, 1,024, before they are executed: some walk over all
 * descriptors there could be, or use select(2).
 */
int	proc_max_files(void);
void	proc_usual_files(void);

/* Descriptors from `first` on are closed by the next execve(2); until then the
 * log, for one, may be written to. */
void	proc_keep_files_below(int first);

int	proc_cpus(void);	/* usable by this process */

#endif
