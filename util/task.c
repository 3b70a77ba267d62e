/*
 * task - the loop, starting and ending, yield and sleep, conditions
 *
 *	           task_start             task_park
 *	(nothing) -----------> READY  <-----------> WAITING
 *	                         |     task_ready
 *	                         | fn returns
 *	                         v
 *	                       ENDED: the stack goes back to the pool
 *
 * The loop runs on the stack of task_loop()'s caller; a task that waits
 * switches there, never directly to another task.
 */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/task_int.h"

#if TASK_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

enum {
	BUDGET = 128,		/* tasks run before events are looked for */
	FAIR_READS = 64,	/* system calls of a task that never waits */
	TRIM_AFTER = 5000,	/* ms a task is parked before pages go back */
};

static struct {
	struct list	 ready;
	struct list	 all;
	size_t		 count;
	struct task	*current;
	struct task	 main;		/* the context of task_loop() */
	int64_t		 now;
	int64_t		 trim_at;
	int		 fair;		/* calls left to the running task */
	bool		 stopping;
	bool		 prepared;
} loop = {
	.ready = LIST_INIT(loop.ready),
	.all = LIST_INIT(loop.all),
	.trim_at = CLOCK_NEVER,
	.main = { .link = LIST_INIT(loop.main.link), .wait_fd = -1 },
};

struct task *
task_current(void)
{
	return loop.current;
}

bool
task_running(void)
{
	return loop.current != NULL;
}

size_t
task_count(void)
{
	return loop.count;
}

/* --- switching */

#if TASK_ASAN
static const void *main_stack;
static size_t	   main_size;

static void
switch_to(struct task *from, struct task *to, bool ends)
{
	const void *stack = to == &loop.main ? main_stack : to->stack;
	size_t	    size = to == &loop.main ? main_size : to->stack_size;

	__sanitizer_start_switch_fiber(ends ? NULL : &from->fake_stack,
	    stack, size);
	task_context_swap(&from->context, &to->context);
	__sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
}

static void
arrived_first(void)
{
	__sanitizer_finish_switch_fiber(NULL, &main_stack, &main_size);
}
#else
static inline void
switch_to(struct task *from, struct task *to, bool ends)
{
	(void)ends;
	task_context_swap(&from->context, &to->context);
}

static inline void
arrived_first(void)
{
}
#endif

/* The first and the last frame of every task. */
static void
task_entry(void)
{
	struct task *t = loop.current;

	arrived_first();
	t->fn(t->arg);
	t->state = TASK_ENDED;
	switch_to(t, &loop.main, true);
	panic("task %s goes on after its end", t->name);
}

static void
run_one(struct task *t)
{
	loop.current = t;
	loop.fair = FAIR_READS;
	switch_to(&loop.main, t, false);
	loop.current = NULL;
	if (t->state != TASK_ENDED)
		return;
	task_timer_drop(t);
	list_remove(&t->all);
	loop.count--;
	task_stack_put(t);
}

/* A child of fork() has no tasks: it goes on where it is, and its waits
 * block. */
static void
after_fork(void)
{
	loop.current = NULL;
	loop.count = 0;
	list_init(&loop.ready);
	list_init(&loop.all);
	loop.trim_at = CLOCK_NEVER;
	task_timer_after_fork();
	task_fd_after_fork();
	task_offload_after_fork();
	task_signal_after_fork();
}

static void
prepare(void)
{
	if (loop.prepared)
		return;
	loop.prepared = true;
	loop.now = clock_ms();
	pthread_atfork(NULL, NULL, after_fork);
}

void
task_start(const char *name, task_fn *fn, void *arg)
{
	struct task *t = task_stack_get();

	prepare();
	t->name = name;
	t->fn = fn;
	t->arg = arg;
	t->deadline = CLOCK_NEVER;
	t->timer_pos = 0;
	t->wait_fd = -1;
	t->trimmed = false;
	t->fake_stack = NULL;
	task_context_make(&t->context, t->stack, t->stack_size, task_entry);

	list_append(&loop.all, &t->all);
	loop.count++;
	list_init(&t->link);
	task_ready(t);
}

/* --- waiting */

void
task_ready(struct task *t)
{
	t->state = TASK_READY;
	t->wait_fd = -1;
	t->deadline = CLOCK_NEVER;
	if (t != &loop.main)
		list_append(&loop.ready, &t->link);
}

bool
task_park(int64_t deadline)
{
	struct task *t = loop.current;

	t->timed_out = false;
	t->deadline = deadline;
	t->state = TASK_WAITING;
	if (deadline != CLOCK_NEVER)
		task_timer_set(t, deadline);
	t->trimmed = false;
	t->parked_at = loop.now;
	if (loop.trim_at == CLOCK_NEVER)
		loop.trim_at = loop.now + TRIM_AFTER;
	switch_to(t, &loop.main, false);
	return !t->timed_out;
}

void
task_yield(void)
{
	struct task *t = loop.current;

	if (t == NULL)
		return;
	task_ready(t);
	switch_to(t, &loop.main, false);
}

void
task_be_fair(void)
{
	if (loop.current != NULL && --loop.fair <= 0)
		task_yield();
}

void
task_sleep_ms(int64_t ms)
{
	int64_t deadline = clock_ms() + ms, left;

	if (loop.current != NULL) {
		task_park(deadline);
		return;
	}
	while ((left = deadline - clock_ms()) > 0)
		poll(NULL, 0, left > INT_MAX ? INT_MAX : (int)left);
}

/* --- the loop */

/*
 * A task that is parked for long keeps the pages that its deeper calls once
 * touched; they go back to the kernel.  A sweep or two some seconds after the
 * last activity are enough: once all are trimmed, nothing wakes the loop.
 */
static void
trim(void)
{
	int64_t again = CLOCK_NEVER;

	LIST_EACH(it, &loop.all) {
		struct task *t = LIST_ENTRY(it, struct task, all);

		if (t->trimmed || t->state != TASK_WAITING)
			continue;
		if (t->parked_at + TRIM_AFTER <= loop.now) {
			task_stack_trim(t);
			t->trimmed = true;
		} else if (t->parked_at + TRIM_AFTER < again) {
			again = t->parked_at + TRIM_AFTER;
		}
	}
	/* In a busy process someone always is about to be due. */
	if (again != CLOCK_NEVER && again < loop.now + TRIM_AFTER / 2)
		again = loop.now + TRIM_AFTER / 2;
	if (task_stack_trim_pool() && again == CLOCK_NEVER)
		again = loop.now + TRIM_AFTER;
	loop.trim_at = again;
}

/* How long the loop may sleep, in epoll's milliseconds. */
static int
time_to_sleep(int64_t until)
{
	int64_t at = task_timer_next();

	if (!list_is_empty(&loop.ready))
		return 0;
	if (loop.trim_at < at)
		at = loop.trim_at;
	if (until < at)
		at = until;
	if (at == CLOCK_NEVER)
		return -1;
	at -= clock_ms();
	return at <= 0 ? 0 : at > INT_MAX ? INT_MAX : (int)at;
}

/* One turn: runs who is ready, then sleeps for events, at most `until`. */
static void
turn(int64_t until)
{
	struct list *l;
	int	     timeout, again;

	for (int i = 0; i < BUDGET && !loop.stopping; i++) {
		if ((l = list_take(&loop.ready)) == NULL)
			break;
		run_one(LIST_ENTRY(l, struct task, link));
	}
	if (loop.stopping)
		return;
	timeout = time_to_sleep(until);
	if (timeout != 0 && (again = log_flush_soon()) >= 0 &&
	    (timeout < 0 || again < timeout))
		timeout = again;
	task_fd_poll(timeout);
	loop.now = clock_ms();
	task_timer_expire(loop.now);
	if (loop.now >= loop.trim_at)
		trim();
}

void
task_loop(void)
{
	prepare();
	if (loop.current != NULL)
		panic("task_loop() within a task");
	loop.stopping = false;
	while (!loop.stopping)
		turn(CLOCK_NEVER);
	log_flush();
}

void
task_stop(void)
{
	loop.stopping = true;
}

/* --- conditions */

void
task_cond_init(struct task_cond *c)
{
	list_init(&c->waiters);
}

/* Outside of tasks: the loop is run until someone wakes us. */
static bool
wait_outside(struct task_cond *c, int64_t deadline)
{
	struct task *t = &loop.main;

	prepare();
	t->state = TASK_WAITING;
	list_append(&c->waiters, &t->link);
	loop.stopping = false;
	while (t->state == TASK_WAITING && !loop.stopping &&
	    clock_ms() < deadline)
		turn(deadline);
	list_remove(&t->link);
	return t->state != TASK_WAITING;
}

bool
task_wait(struct task_cond *c, int64_t deadline)
{
	if (loop.current == NULL)
		return wait_outside(c, deadline);
	list_append(&c->waiters, &loop.current->link);
	return task_park(deadline);
}

bool
task_wake_one(struct task_cond *c)
{
	struct list *l = list_take(&c->waiters);

	if (l == NULL)
		return false;
	task_ready(LIST_ENTRY(l, struct task, link));
	return true;
}

void
task_wake_all(struct task_cond *c)
{
	/* Those who wait again at once are for the next time, and can't be
	 * on the list yet: they run after we return. */
	while (task_wake_one(c))
		;
}
