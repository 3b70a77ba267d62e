/* loop - master's events: epoll, level-triggered */

#include <errno.h>
#include <sys/epoll.h>

#include "master/loop.h"
#include "util/clock.h"
#include "util/log.h"

enum {
	SLEEP_MAX = 3600 * 1000,	/* ms */
	LOG_RETRY = 100,		/* ms, while lines are left */
};

static int ep = -1;

void
watch_init(struct watch *w, int fd, void (*ready)(struct watch *))
{
	*w = (struct watch){ .ready = ready, .fd = fd };
}

static void
control(struct watch *w, int op)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = w };

	if (ep < 0 && (ep = epoll_create1(EPOLL_CLOEXEC)) < 0)
		fatal("epoll_create");
	if (epoll_ctl(ep, op, w->fd, &e) < 0)
		fatal("epoll_ctl");
}

void
watch_on(struct watch *w)
{
	if (!w->on)
		control(w, EPOLL_CTL_ADD);
	w->on = true;
}

void
watch_off(struct watch *w)
{
	if (w->on)
		control(w, EPOLL_CTL_DEL);
	w->on = false;
}

/*
 * One event at a time: what it leads to may free the owner of another that
 * was reported with it.
 */
void
loop_turn(int64_t until)
{
	struct epoll_event e;
	struct watch	  *w;
	int64_t		   wait = until - clock_ms();
	int		   n;

	if (wait < 0)
		wait = 0;
	if (wait > SLEEP_MAX)
		wait = SLEEP_MAX;
	if (wait > 0 && !log_flush() && wait > LOG_RETRY)
		wait = LOG_RETRY;
	n = epoll_wait(ep, &e, 1, (int)wait);
	if (n < 0 && errno != EINTR)
		fatal("epoll_wait");
	if (n == 1) {
		w = e.data.ptr;
		w->ready(w);
	}
}
