#include "qmgr/timer.h"

#include "util/clock.h"
#include "util/task.h"

static bool
is_earlier(const struct heap_node *a, const struct heap_node *b)
{
	return HEAP_ENTRY(a, struct timer, node)->at <
	    HEAP_ENTRY(b, struct timer, node)->at;
}

static struct {
	struct heap	 heap;
	struct task_cond earlier;	/* the first one has changed */
} timers = {
	.heap = { .before = is_earlier },
	.earlier = TASK_COND_INIT(timers.earlier),
};

static struct timer *
first(void)
{
	struct heap_node *n = heap_first(&timers.heap);

	return n == NULL ? NULL : HEAP_ENTRY(n, struct timer, node);
}

static void
run(void *arg)
{
	struct timer *t;

	(void)arg;
	for (;;) {
		t = first();
		if (t != NULL && t->at <= clock_ms()) {
			heap_remove(&timers.heap, &t->node);
			t->fire(t);
		} else {
			task_wait(&timers.earlier, t != NULL ? t->at :
			    CLOCK_NEVER);
		}
	}
}

void
timer_start(void)
{
	task_start("timers", run, NULL);
}

void
timer_set(struct timer *t, int64_t at, void (*fire)(struct timer *))
{
	heap_remove(&timers.heap, &t->node);
	t->at = at;
	t->fire = fire;
	heap_add(&timers.heap, &t->node);
	if (first() == t)
		task_wake_one(&timers.earlier);
}

void
timer_cancel(struct timer *t)
{
	heap_remove(&timers.heap, &t->node);
}
