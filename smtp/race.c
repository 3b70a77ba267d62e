#include "smtp/race.h"

#include <errno.h>
#include <unistd.h>

#include "net/addr.h"
#include "smtp/source.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/task.h"

enum { RACES_MAX = 200 };	/* with a second under way, in this process */

static int races;

/* Lives until the one who waits and all runners have left. */
struct race {
	struct runner {
		struct race	*race;
		struct addr	 addr;
		int		 fd, error;
		bool		 started, ended;
	} runner[2];
	int64_t		 deadline;
	struct task_cond news;
	int		 users;
	bool		 over;
};

static void
leave(struct race *r)
{
	if (--r->users == 0)
		mem_free(r);
}

static void
run(void *arg)
{
	struct runner *me = arg;
	struct race   *r = me->race;
	int	       fd = source_connect(&me->addr, r->deadline);

	me->error = errno;
	me->ended = true;
	if (r->over && fd >= 0)
		task_close(fd);
	else
		me->fd = fd;
	if (me == &r->runner[1])
		races--;
	task_wake_all(&r->news);
	leave(r);
}

static void
start(struct race *r, int which)
{
	r->runner[which].started = true;
	r->users++;
	task_start("connect", run, &r->runner[which]);
}

/* All there is to hope for has ended, or one has arrived. */
static bool
is_decided(const struct race *r)
{
	bool running = false;

	for (int i = 0; i < 2; i++) {
		if (r->runner[i].fd >= 0)
			return true;
		running = running ||
		    (r->runner[i].started && !r->runner[i].ended);
	}
	return !running;
}

static void
wait_until(struct race *r, int64_t when)
{
	while (!is_decided(r) && task_wait(&r->news, when))
		;
}

/* Runners close their own descriptors from here on; ours is the winner's. */
static int
end(struct race *r, bool *ret_second)
{
	int fd = r->runner[0].fd, error;

	*ret_second = fd < 0 && r->runner[1].fd >= 0;
	if (*ret_second)
		fd = r->runner[1].fd;
	else if (r->runner[1].fd >= 0)
		task_close(r->runner[1].fd);
	error = r->runner[0].ended ? r->runner[0].error : ETIMEDOUT;
	r->over = true;
	leave(r);
	errno = error;
	return fd;
}

int
race_connect(const struct addr *first, const struct addr *second,
    int64_t head_start_ms, int64_t deadline, bool *ret_second)
{
	const struct addr *addr[2] = { first, second };
	struct race	  *r;

	*ret_second = false;
	if (second == NULL || head_start_ms <= 0 || races >= RACES_MAX)
		return source_connect(first, deadline);
	r = NEW(struct race);
	r->users = 1;
	r->deadline = deadline;
	task_cond_init(&r->news);
	for (int i = 0; i < 2; i++) {
		r->runner[i].race = r;
		r->runner[i].addr = *addr[i];
		r->runner[i].fd = -1;
	}
	start(r, 0);
	wait_until(r, clock_ms() + head_start_ms);
	if (!is_decided(r)) {
		races++;
		start(r, 1);
		wait_until(r, deadline);
	}
	return end(r, ret_second);
}
