/*
 * task_fd - waiting for descriptors: epoll, edge-triggered
 *
 * A descriptor is registered at its first wait and stays so until it is
 * closed.  An edge that comes while nobody waits is noted in its slot and
 * ends the next wait at once, so none is lost; a caller that is about to try
 * its system call takes the note back with task_fd_try(), because the call
 * will see for itself.
 *
 * Writing is only watched once someone had to wait for it: on a Unix socket
 * every read of the peer would make an edge, and wake us for nothing.
 *
 * Closing: epoll drops a closed descriptor by itself, but events that were
 * collected before, or a copy of it in another process, may still name its
 * number after it was given out again.  Each slot counts its uses; an event
 * carries the count that it was registered under and is ignored if that is
 * not the present one.
 */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/task_int.h"

enum { EVENTS = 256 };		/* collected in one call */

struct slot {
	struct task	*reader, *writer;
	uint32_t	 use;		/* counts task_forget_fd() */
	uint8_t		 watched;	/* TASK_READ | TASK_WRITE; 0: not
					   registered */
	uint8_t		 noted;		/* edges while nobody waited */
	uint8_t		 ended;		/* no more edges will come: always
					   ready */
	bool		 keep_write;	/* watched for writing from the start */
	bool		 listener;	/* see task_wait_accept() */
};

static struct {
	int		 epoll;
	struct slot	*slots;		/* by descriptor */
	size_t		 count;
	int		 inner_fd[TASK_INNER_MAX];
	void		(*inner_fn[TASK_INNER_MAX])(void);
} fds = { .epoll = -1 };

/* In epoll_data: the descriptor and its use, or INNER and an index. */
static const uint64_t INNER = UINT64_C(1) << 31;

static int
epoll_get(void)
{
	if (fds.epoll < 0 && (fds.epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		panic("epoll_create1: %m");
	return fds.epoll;
}

static struct slot *
slot_of(int fd)
{
	size_t n = (size_t)fd + 1;

	if (fd < 0)
		panic("waiting for descriptor %d", fd);
	if (n > fds.count) {
		if (n < 2 * fds.count)
			n = 2 * fds.count;
		if (n < 64)
			n = 64;
		fds.slots = mem_realloc(fds.slots, n * sizeof *fds.slots);
		memset(fds.slots + fds.count, 0,
		    (n - fds.count) * sizeof *fds.slots);
		fds.count = n;
	}
	return &fds.slots[fd];
}

/* --- registration */

static bool
control(int op, int fd, struct slot *s, uint32_t events)
{
	struct epoll_event e = {
		.events = events,
		.data.u64 = (uint64_t)s->use << 32 | (uint32_t)fd,
	};

	if (epoll_ctl(epoll_get(), op, fd, &e) == 0)
		return true;
	/* The same open file under this number again, as dup2() makes it. */
	return op == EPOLL_CTL_ADD && errno == EEXIST &&
	    epoll_ctl(fds.epoll, EPOLL_CTL_MOD, fd, &e) == 0;
}

/*
 * A wait for writing comes first on a socket that is connecting; TCP makes
 * no idle edges, so the watch stays.  Where it was added later, to ride out
 * a full Unix socket, the next wait for reading takes it off again.
 *
 * False: epoll can't watch it (a regular file), or has no room.
 */
static bool
watch(int fd, struct slot *s, unsigned io)
{
	uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET;
	unsigned want = TASK_READ | io;

	if (s->writer != NULL || s->keep_write)
		want |= TASK_WRITE;
	if (s->watched == want)
		return true;
	if (want & TASK_WRITE)
		events |= EPOLLOUT;
	if (!control(s->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, s,
	    events))
		return false;
	s->keep_write = s->watched == 0 && (want & TASK_WRITE) != 0;
	s->watched = (uint8_t)want;
	return true;
}

void
task_forget_fd(int fd)
{
	struct slot *s;

	if (fd < 0 || (size_t)fd >= fds.count)
		return;
	s = &fds.slots[fd];
	if (s->watched && fds.epoll >= 0)
		epoll_ctl(fds.epoll, EPOLL_CTL_DEL, fd, NULL);
	s->watched = 0;
	s->noted = s->ended = 0;
	s->keep_write = s->listener = false;
	s->use++;
	for (int i = 0; i < 2; i++) {
		struct task **waiter = i == 0 ? &s->reader : &s->writer;

		if (*waiter == NULL)
			continue;
		(*waiter)->timed_out = true;
		task_ready(*waiter);
		*waiter = NULL;
	}
}

void
task_close(int fd)
{
	/* close() takes it off the epoll set, unless it has copies; then
	 * task_forget_fd()'s way is for the caller to choose. */
	if (fd >= 0 && (size_t)fd < fds.count)
		fds.slots[fd].watched = 0;
	task_forget_fd(fd);
	close(fd);
}

/* --- waiting */

static bool
wait_outside(int fd, enum task_io io, int64_t deadline)
{
	struct pollfd p = {
		.fd = fd,
		.events = io == TASK_READ ? POLLIN : POLLOUT,
	};
	int	timeout, n;

	do {
		timeout = -1;
		if (deadline != CLOCK_NEVER) {
			int64_t left = deadline - clock_ms();

			timeout = left <= 0 ? 0 :
			    left > INT_MAX ? INT_MAX : (int)left;
		}
		log_flush();
		n = poll(&p, 1, timeout);
		if (n < 0 && errno != EINTR)
			return true;	/* the system call will say why */
	} while (n < 0 || (n == 0 && (deadline == CLOCK_NEVER ||
	    clock_ms() < deadline)));
	return n > 0;
}

/* Takes a note or the end as the wait's result. */
static bool
take_note(struct slot *s, unsigned io)
{
	if (((s->noted | s->ended) & io) == 0)
		return false;
	s->noted &= (uint8_t)~io;
	return true;
}

bool
task_wait_fd(int fd, enum task_io io, int64_t deadline)
{
	struct task  *t = task_current(), **waiter;
	struct slot  *s;

	if (t == NULL)
		return wait_outside(fd, io, deadline);
	s = slot_of(fd);
	if (take_note(s, io))
		return true;
	if (!watch(fd, s, io)) {
		if (errno == EPERM)	/* a file is always ready */
			return true;
		task_sleep_ms(10);	/* no room: ask now and then */
		return clock_ms() < deadline;
	}
	waiter = io == TASK_READ ? &s->reader : &s->writer;
	if (*waiter != NULL)
		panic("tasks %s and %s both wait for descriptor %d",
		    (*waiter)->name, t->name, fd);
	*waiter = t;
	t->wait_fd = fd;
	t->wait_io = (uint8_t)io;
	return task_park(deadline);
}

bool
task_fd_try(int fd, bool maybe_empty)
{
	struct slot *s;

	if (task_current() == NULL || (size_t)fd >= fds.count)
		return true;
	s = &fds.slots[fd];
	if (maybe_empty && ((s->noted | s->ended) & TASK_READ) == 0)
		return false;
	s->noted &= (uint8_t)~TASK_READ;
	return true;
}

void
task_fd_timed_out(struct task *t)
{
	struct slot *s = &fds.slots[t->wait_fd];

	if (t->wait_io == TASK_READ)
		s->reader = NULL;
	else
		s->writer = NULL;
}

/* --- listeners */

bool
task_wait_accept(int fd, int64_t deadline)
{
	struct task *t = task_current();
	struct slot *s;

	if (t == NULL)
		return wait_outside(fd, TASK_READ, deadline);
	s = slot_of(fd);
	if (!s->watched) {
		if (!control(EPOLL_CTL_ADD, fd, s, EPOLLIN | EPOLLEXCLUSIVE)) {
			task_sleep_ms(10);
			return clock_ms() < deadline;
		}
		s->watched = TASK_READ;
		s->listener = true;
	}
	if (s->reader != NULL)
		panic("tasks %s and %s both accept from descriptor %d",
		    s->reader->name, t->name, fd);
	s->reader = t;
	t->wait_fd = fd;
	t->wait_io = TASK_READ;
	return task_park(deadline);
}

/* An exclusive registration can't be changed, only made and removed. */
void
task_listen_off(int fd)
{
	struct slot *s = slot_of(fd);

	if (!s->watched)
		return;
	epoll_ctl(epoll_get(), EPOLL_CTL_DEL, fd, NULL);
	s->watched = 0;
	s->use++;
}

/* --- events */

static void
wake(struct slot *s, struct task **waiter, unsigned io)
{
	struct task *t = *waiter;

	if (t == NULL) {
		s->noted |= (uint8_t)io;
		return;
	}
	*waiter = NULL;
	task_ready(t);
}

static void
dispatch(const struct epoll_event *e)
{
	int	     fd = (int)(e->data.u64 & INT_MAX);
	uint32_t     what = e->events;
	struct slot *s;

	if (e->data.u64 & INNER) {
		fds.inner_fn[fd]();
		return;
	}
	s = &fds.slots[fd];
	if (s->use != (uint32_t)(e->data.u64 >> 32) || !s->watched)
		return;
	if (s->listener) {
		/* Level-triggered: with nobody to accept it would come again
		 * and again. */
		if (s->reader == NULL)
			task_listen_off(fd);
		else
			wake(s, &s->reader, TASK_READ);
		return;
	}
	/* An error may be passing (UDP); a hang-up is for good. */
	if (what & (EPOLLRDHUP | EPOLLHUP))
		s->ended |= TASK_READ;
	if (what & EPOLLHUP)
		s->ended |= TASK_WRITE;
	if (what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		wake(s, &s->reader, TASK_READ);
	if (what & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		wake(s, &s->writer, TASK_WRITE);
}

void
task_fd_poll(int timeout_ms)
{
	static struct epoll_event events[EVENTS];
	int			  n;

	n = epoll_wait(epoll_get(), events, EVENTS, timeout_ms);
	if (n < 0 && errno != EINTR)
		panic("epoll_wait: %m");
	for (int i = 0; i < n; i++)
		dispatch(&events[i]);
}

int
task_fd_inner(enum task_inner which, void (*fn)(void))
{
	struct epoll_event e = {
		.events = EPOLLIN | EPOLLET,
		.data.u64 = INNER | (uint64_t)which,
	};
	int		   fd;

	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0 || epoll_ctl(epoll_get(), EPOLL_CTL_ADD, fd, &e) < 0)
		panic("eventfd: %m");
	fds.inner_fd[which] = fd;
	fds.inner_fn[which] = fn;
	return fd;
}

void
task_fd_after_fork(void)
{
	if (fds.epoll < 0)
		return;
	close(fds.epoll);
	fds.epoll = -1;
	for (int i = 0; i < TASK_INNER_MAX; i++)
		if (fds.inner_fn[i] != NULL) {
			close(fds.inner_fd[i]);
			fds.inner_fn[i] = NULL;
		}
	for (size_t i = 0; i < fds.count; i++)
		fds.slots[i] = (struct slot){ 0 };
}
