/* task - straight-line code that waits: coroutines over an epoll loop */

#ifndef UTIL_TASK_H
#define UTIL_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/list.h"

/*
 * A task is a stackful coroutine: a function on a small mapped stack with a
 * guard page below.  One thread runs all tasks; a task runs until it waits
 * or ends, so plain data needs no locks.  Task stacks are TASK_STACK bytes
 * of address space, touched as used and kept in a pool: put nothing large on
 * them (no buffer over 4 KB).
 *
 * Every function that waits may be called outside a task too (in commands and
 * during start-up): it then blocks the process with poll(2).
 */
enum { TASK_STACK = 128 * 1024 };	/* bytes, guard page included */

typedef void task_fn(void *arg);

/* Starts a task; it first runs in the next turn of the loop.  `name` is kept,
 * not copied. */
void	task_start(const char *name, task_fn *, void *arg);

/* Runs tasks until task_stop(); flushes the log before it sleeps.  A child of
 * fork() has no tasks: it goes on as if outside of one. */
void	task_loop(void);
void	task_stop(void);

/* True within a task. */
bool	task_running(void);

/* Tasks that have started and not ended. */
size_t	task_count(void);

/* Lets the others run. */
void	task_yield(void);

void	task_sleep_ms(int64_t ms);

/*
 * File descriptors.  fd must be non-blocking.  The first wait registers it
 * with the loop, edge-triggered, for reading and writing; task_forget_fd()
 * must be called before close().  Try the system call first and wait only
 * on EAGAIN.  One task at a time may wait on a descriptor for reading and
 * one for writing.  False: the deadline (clock_ms) passed.
 */
enum task_io { TASK_READ = 1, TASK_WRITE = 2 };

bool	task_wait_fd(int fd, enum task_io, int64_t deadline);
void	task_forget_fd(int fd);

/* Both, and one system call less: for a descriptor of which no other process
 * has a copy. */
void	task_close(int fd);

/*
 * Before a read(2): takes note that the caller sees for itself.  False, only
 * for `maybe_empty` (the last read left nothing): nothing came since, so
 * wait without trying.
 */
bool	task_fd_try(int fd, bool maybe_empty);

/* To be called after system calls in a loop that may never wait: lets the
 * others run now and then. */
void	task_be_fair(void);

/*
 * Listening sockets, shared with other processes: of those that wait the
 * kernel wakes one (EPOLLEXCLUSIVE).  One task waits in task_wait_accept()
 * and then accepts, until EAGAIN or as many as it likes.  task_listen_off()
 * stops listening, so that others get the connections; the next wait turns it
 * on again.  The kernel may have chosen this process for a connection just
 * before: one that turns it off must see to it that someone looks (our
 * workers tell master that they are full, and master looks).
 */
bool	task_wait_accept(int fd, int64_t deadline);
void	task_listen_off(int fd);

/*
 * Conditions: tasks wait in order of arrival until one or all are woken.
 * task_wait() is false when the deadline passed.  Start with
 * TASK_COND_INIT(name) or task_cond_init().  Outside of a task task_wait()
 * runs the loop meanwhile.
 */
struct task_cond {
	struct list	waiters;
};

#define TASK_COND_INIT(name) { LIST_INIT((name).waiters) }

void	task_cond_init(struct task_cond *);
bool	task_wait(struct task_cond *, int64_t deadline);
bool	task_wake_one(struct task_cond *);	/* false: nobody waited */
void	task_wake_all(struct task_cond *);

/*
 * Blocking calls.  task_offload() runs `fn` (plain code on plain data: no
 * task, stream, log or allocation from pools) in a helper thread and waits.
 * Helper threads are started as needed, up to task_offload_max() (default
 * 32), and end when idle.  Outside a task `fn` is simply called.
 */
void	task_offload(void (*fn)(void *), void *arg);
void	task_offload_max(int threads);

/* fsync() and fdatasync() of that kind; 0 or -1 with errno. */
int	task_fsync(int fd);

/* Signals: `flag` becomes true, and the loop wakes (self-pipe or signalfd). */
void	task_on_signal(int signo, volatile bool *flag, struct task_cond *wake);

/* Deepest use of a task's stack so far in bytes; 0 unless built with
 * TASK_WATERMARK (debug and SAN builds). */
size_t	task_stack_watermark(void);

#endif
