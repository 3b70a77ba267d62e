/* task_signal - signals set a flag and wake the loop */

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"
#include "util/task_int.h"

enum { SIGNALS = 65 };

static struct {
	volatile bool		*flag;
	volatile sig_atomic_t	 came;
	struct task_cond	*wake;
} handlers[SIGNALS];

static volatile sig_atomic_t wake_fd = -1;

static void
on_signal(int signo)
{
	static const uint64_t one = 1;
	int		      saved = errno;

	*handlers[signo].flag = true;
	handlers[signo].came = 1;
	if (wake_fd >= 0 && write(wake_fd, &one, sizeof one) < 0)
		handlers[signo].came = 1;	/* full: it wakes anyway */
	errno = saved;
}

static void
wake_waiters(void)
{
	for (int i = 0; i < SIGNALS; i++)
		if (handlers[i].came) {
			handlers[i].came = 0;
			if (handlers[i].wake != NULL)
				task_wake_all(handlers[i].wake);
		}
}

void
task_on_signal(int signo, volatile bool *flag, struct task_cond *wake)
{
	struct sigaction act = {
		.sa_handler = on_signal,
		.sa_flags = SA_RESTART,
	};

	if (signo <= 0 || signo >= SIGNALS)
		panic("signal number %d", signo);
	if (wake_fd < 0)
		wake_fd = task_fd_inner(TASK_INNER_SIGNAL, wake_waiters);
	handlers[signo].flag = flag;
	handlers[signo].wake = wake;
	sigfillset(&act.sa_mask);
	if (sigaction(signo, &act, NULL) < 0)
		panic("sigaction(%d): %m", signo);
}

void
task_signal_after_fork(void)
{
	wake_fd = -1;		/* task_fd_after_fork() closed it */
}
