/* task_int - what the parts of the task module share; for util/task*.c only */

#ifndef UTIL_TASK_INT_H
#define UTIL_TASK_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "util/list.h"
#include "util/task.h"

#if defined(TASK_UCONTEXT) || (!defined(__x86_64__) && !defined(__aarch64__))
#define TASK_USES_UCONTEXT 1
#include <ucontext.h>
#else
#define TASK_USES_UCONTEXT 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define TASK_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TASK_ASAN 1
#endif
#endif
#ifndef TASK_ASAN
#define TASK_ASAN 0
#endif

/* --- a place to go on from (task_switch.S or task_context.c) */

struct task_context {
#if TASK_USES_UCONTEXT
	ucontext_t	 uc;
#else
	void		*sp;
#endif
};

/* `entry` must never return. */
void	task_context_make(struct task_context *, void *stack, size_t size,
	    void (*entry)(void));
void	task_context_swap(struct task_context *from, struct task_context *to);

/* --- a task: this struct stands at the upper end of its own stack */

enum task_state {
	TASK_READY,		/* on the run queue, or running */
	TASK_WAITING,
	TASK_ENDED,
};

struct task {
	struct task_context	 context;
	struct list		 link;	/* run queue, condition, free stacks */
	struct list		 all;	/* every task */
	const char		*name;
	task_fn			*fn;
	void			*arg;

	char			*stack;		/* lowest usable byte */
	size_t			 stack_size;	/* up to this struct */
	unsigned		 valgrind_id;
	void			*fake_stack;	/* ASan's */

	int64_t			 deadline;	/* of this wait */
	int64_t			 timer_at;	/* key in the heap, see
						   task_timer.c */
	size_t			 timer_pos;	/* 0: not in the heap */
	int64_t			 parked_at;
	int			 wait_fd;	/* or -1 */
	uint8_t			 wait_io;
	uint8_t			 state;
	bool			 timed_out;
	bool			 trimmed;
};

/* A stack with its task at the end, from the pool or new. */
struct task	*task_stack_get(void);
void		 task_stack_put(struct task *);

/* Gives back the pages below what a parked task uses. */
void		 task_stack_trim(struct task *);
bool		 task_stack_trim_pool(void);

/* --- the loop (task.c) */

struct task	*task_current(void);		/* NULL outside of tasks */

/* Waits until task_ready(); false when the deadline came first. */
bool		 task_park(int64_t deadline);
void		 task_ready(struct task *);

/* --- timers: one for each task (task_timer.c) */

void		 task_timer_set(struct task *, int64_t at);
void		 task_timer_drop(struct task *);

/* The earliest key, or CLOCK_NEVER. */
int64_t		 task_timer_next(void);

void		 task_timer_after_fork(void);

/* Makes those ready whose deadline is not later than `now`. */
void		 task_timer_expire(int64_t now);

/* --- descriptors (task_fd.c) */

/* Sleeps up to timeout_ms (-1: no limit) and makes tasks ready. */
void		 task_fd_poll(int timeout_ms);
void		 task_fd_timed_out(struct task *);
void		 task_fd_after_fork(void);

/* Calls `fn` in the loop at each event of an internal eventfd, which is
 * registered edge-triggered and so need not be read.  `index` picks the slot. */
enum task_inner { TASK_INNER_SIGNAL, TASK_INNER_OFFLOAD, TASK_INNER_MAX };

int		 task_fd_inner(enum task_inner, void (*fn)(void));

/* --- helper threads and signals after fork() */

void		 task_offload_after_fork(void);
void		 task_signal_after_fork(void);

#endif
