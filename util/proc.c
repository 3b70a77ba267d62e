/* proc - processes and privileges */

#include "util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/clock.h"

enum {
	USUAL_FILES = 1024,	/* FD_SETSIZE */
	FILES_LIKELY = 65536,	/* more are hardly open */
};

/* --- ids */

bool
proc_become(uid_t uid, gid_t gid, const char *user)
{
	if (user != NULL ? initgroups(user, gid) < 0 : setgroups(1, &gid) < 0)
		return false;
	return setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0;
}

/* Since proc_act_as() was first called: the only supplementary group, the
 * effective one, and whether it acts now. */
static struct {
	gid_t	gid, egid;
	bool	gid_known, egid_known;
	bool	acts;
} acting;

/* Each of these calls copies all that the kernel knows of our rights. */
static bool
act_in_group(gid_t gid)
{
	if (!acting.gid_known || acting.gid != gid) {
		acting.gid_known = false;
		if (setgroups(1, &gid) != 0)
			return false;
		acting.gid = gid;
		acting.gid_known = true;
	}
	if (!acting.egid_known || acting.egid != gid) {
		acting.egid_known = false;
		if (setegid(gid) != 0)
			return false;
		acting.egid = gid;
		acting.egid_known = true;
	}
	return true;
}

static bool
act_in_own_group(void)
{
	acting.egid_known = false;
	return setegid(0) == 0;
}

bool
proc_act_as(uid_t uid, gid_t gid)
{
	if (acting.acts && seteuid(0) < 0)
		return false;
	acting.acts = true;
	return act_in_group(gid) && seteuid(uid) == 0;
}

/* The group stays a supplementary one: root may do everything anyway, and the
 * next user's call replaces it. */
bool
proc_act_as_root(void)
{
	return proc_rest_as_root() && act_in_own_group();
}

bool
proc_rest_as_root(void)
{
	if (seteuid(0) != 0)
		return false;
	acting.acts = false;
	return true;
}

bool
proc_no_new_privs(void)
{
	struct rlimit none = { 0, 0 };

	/* After a change of ids the kernel has done this already, but not
	 * where the ids stay. */
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	    setrlimit(RLIMIT_CORE, &none) == 0;
}

/* --- running programs */

static void
child(char *const argv[], char *const env[], int input, int output)
{
	sigset_t none;
	int	 null = -1;

	setpgid(0, 0);
	if (input < 0 || output < 0)
		null = open("/dev/null", O_RDWR);
	if (input < 0)
		input = null;
	if (output < 0)
		output = null;
	/* Not in the way of each other. */
	if (output == STDIN_FILENO)
		output = fcntl(output, F_DUPFD, STDERR_FILENO + 1);
	if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		_exit(127);
	proc_keep_files_below(STDERR_FILENO + 1);
	proc_usual_files();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execve(argv[0], argv, env != NULL ? env : environ);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Sleeps on the process itself where the kernel can, otherwise in small
 * steps.  False at the deadline. */
static bool
wait_until(pid_t pid, int64_t deadline, int *ret_status)
{
	struct pollfd pfd = { .events = POLLIN };
	int64_t	      left;
	pid_t	      got;

	pfd.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	for (;;) {
		got = waitpid(pid, ret_status, WNOHANG);
		if (got == pid || (got < 0 && errno != EINTR))
			break;
		left = deadline - clock_ms();
		if (left <= 0)
			break;
		if (pfd.fd < 0 && left > 20)
			left = 20;
		poll(&pfd, pfd.fd >= 0, left > 60000 ? 60000 : (int)left);
	}
	if (pfd.fd >= 0)
		close(pfd.fd);
	return got != 0;
}

int
proc_run(char *const argv[], char *const env[], int input, int output,
    int wait_seconds)
{
	int64_t deadline;
	pid_t	pid;
	int	status = -1;

	deadline = wait_seconds > 0 ? clock_in(wait_seconds) : CLOCK_NEVER;
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0)
		child(argv, env, input, output);
	if (wait_until(pid, deadline, &status))
		return status;
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	errno = ETIMEDOUT;
	return -1;
}

/* --- the process itself */

int
proc_max_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur;
}

void
proc_usual_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur > USUAL_FILES) {
		limit.rlim_cur = USUAL_FILES;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Kernels before 5.11 and some containers know nothing of close_range(2). */
void
proc_keep_files_below(int first)
{
	if (close_range((unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int fd = first; fd < FILES_LIKELY; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int
proc_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) < 0)
		return 1;
	return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}
