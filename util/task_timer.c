/*
 * task_timer - the deadlines of waiting tasks
 *
 * A binary heap with one entry a task.  Nearly every wait ends before its
 * deadline and is followed by another with a later one, so an entry is not
 * taken out when a wait ends and not moved when its task waits for later: it
 * comes up at its old time, and is put where it belongs then.  A session's
 * reads and writes cost the heap nothing that way.
 *
 * Invariants: heap[i].at == heap[i].task->timer_at; for a waiting task with a
 * deadline timer_at <= deadline.
 */

#include "util/clock.h"
#include "util/mem.h"
#include "util/task_int.h"

struct entry {
	int64_t		 at;
	struct task	*task;
};

/* heap[1..count]; the children of i are 2i and 2i + 1. */
static struct entry	*heap;
static size_t		 count, room;

static void
place(size_t i, struct entry e)
{
	heap[i] = e;
	e.task->timer_pos = i;
}

static void
sift_up(size_t i, struct entry e)
{
	while (i > 1 && heap[i / 2].at > e.at) {
		place(i, heap[i / 2]);
		i /= 2;
	}
	place(i, e);
}

static void
sift_down(size_t i, struct entry e)
{
	for (;;) {
		size_t child = 2 * i;

		if (child > count)
			break;
		if (child < count && heap[child + 1].at < heap[child].at)
			child++;
		if (heap[child].at >= e.at)
			break;
		place(i, heap[child]);
		i = child;
	}
	place(i, e);
}

void
task_timer_set(struct task *t, int64_t at)
{
	struct entry e = { at, t };

	if (t->timer_pos != 0) {
		if (t->timer_at <= at)
			return;
		t->timer_at = at;
		sift_up(t->timer_pos, e);
		return;
	}
	if (count + 1 >= room) {
		room = room == 0 ? 64 : 2 * room;
		heap = mem_realloc(heap, room * sizeof *heap);
	}
	t->timer_at = at;
	sift_up(++count, e);
}

void
task_timer_drop(struct task *t)
{
	size_t	     i = t->timer_pos;
	struct entry last;

	if (i == 0)
		return;
	t->timer_pos = 0;
	last = heap[count--];
	if (last.task == t)
		return;
	if (i > 1 && heap[i / 2].at > last.at)
		sift_up(i, last);
	else
		sift_down(i, last);
}

int64_t
task_timer_next(void)
{
	return count == 0 ? CLOCK_NEVER : heap[1].at;
}

void
task_timer_expire(int64_t now)
{
	while (count > 0 && heap[1].at <= now) {
		struct task *t = heap[1].task;

		if (t->state != TASK_WAITING || t->deadline == CLOCK_NEVER) {
			task_timer_drop(t);
		} else if (t->deadline > now) {
			t->timer_at = t->deadline;
			sift_down(1, (struct entry){ t->deadline, t });
		} else {
			task_timer_drop(t);
			t->timed_out = true;
			if (t->wait_fd >= 0)
				task_fd_timed_out(t);
			list_remove(&t->link);
			task_ready(t);
		}
	}
}

void
task_timer_after_fork(void)
{
	count = 0;
}
