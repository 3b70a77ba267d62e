/*
 * server_multi - many sessions a process, each a task
 *
 *	       READY           limit reached
 *	start ------> OPEN ------------------> FULL
 *	               | <---------------------
 *	               |      a session ended
 *	   RETIRE,     |
 *	   SIGTERM,    v
 *	   idle     stopping: no listener; ends after the last session
 *
 * Listeners are shared with the other workers of the service.  The kernel
 * wakes one of them for a connection, and does not wake another when that
 * one turns away; so whoever stops listening tells master, which looks.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/server_int.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

enum {
	DATAGRAM_MAX = 65536,	/* bytes */
	SERVED_AFTER = 1000,	/* ms of life that count as a good start */
	BUSY_POLL = 100,	/* ms between questions to is_busy() */
	TERM_GRACE = 300,	/* ms for sessions after SIGTERM */
	NO_FILES_WAIT = 200,	/* ms */
};

struct session {
	struct list	 link;
	struct stream	*stream;
};

static struct {
	struct list	 sessions;
	struct task_cond room;		/* sessions below the limit */
	struct task_cond signalled;
	struct task_cond ended;		/* a session; stopping began */
	volatile bool	 term;
	int		 limit;		/* sessions, always > 0 */
	int		 listeners;	/* still open */
	bool		 full;
	int64_t		 idle_since;
} state = {
	.sessions = LIST_INIT(state.sessions),
	.room = TASK_COND_INIT(state.room),
	.signalled = TASK_COND_INIT(state.signalled),
	.ended = TASK_COND_INIT(state.ended),
};

/* --- sessions */

static void
set_full(bool full)
{
	if (state.full == full || server_state.stopping)
		return;
	state.full = full;
	if (full) {
		/* The tasks of the other listeners see it and turn away. */
		for (int i = 0; i < server_start.sockets; i++)
			task_forget_fd(MASTER_FD_LISTEN + i);
		server_report(MASTER_FULL);
	} else {
		server_report(MASTER_OPEN);
		task_wake_all(&state.room);
	}
}

static void
session_task(void *arg)
{
	struct session *s = arg;

	server_session(s->stream);
	list_remove(&s->link);
	mem_free(s);
	server_state.sessions--;
	state.idle_since = clock_ms();
	set_full(server_state.sessions >= state.limit);
	if (server_state.sessions == 0)
		task_wake_all(&state.ended);
}

static void
begin_session(int fd)
{
	struct session *s = NEW(struct session);

	s->stream = stream_open_socket(fd,
	    text_eq(server_start.type, "inet") ? AF_INET : AF_UNIX);
	list_append(&state.sessions, &s->link);
	server_state.sessions++;
	task_start(server_start.program, session_task, s);
}

/* --- listeners */

static void
accept_one(int listener)
{
	int fd;

	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		begin_session(fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
	    errno == ENOMEM) {
		log_warn("accept connection: %s; %d sessions are open; raise"
		    " the limit of open files", strerror(errno),
		    server_state.sessions);
		task_sleep_ms(NO_FILES_WAIT);
	}
	/* Otherwise another worker took it, or the client has gone again. */
}

static void
accept_task(void *arg)
{
	int listener = *(const int *)arg;

	mem_free(arg);
	while (!server_state.stopping) {
		if (state.full) {
			task_wait(&state.room, CLOCK_NEVER);
			continue;
		}
		if (!task_wait_accept(listener, CLOCK_NEVER))
			continue;
		/* One a turn: more that wait are told of in the next, and
		 * mostly there is no more. */
		if (!server_state.stopping)
			accept_one(listener);
		if (server_state.sessions >= state.limit)
			set_full(true);
	}
	task_forget_fd(listener);
	close(listener);
	if (--state.listeners == 0)
		task_wake_all(&state.ended);
}

static void
datagram_task(void *arg)
{
	int	fd = *(const int *)arg;
	char   *bytes = mem_alloc(DATAGRAM_MAX + 1);
	ssize_t n;

	mem_free(arg);
	for (;;) {
		n = recv(fd, bytes, DATAGRAM_MAX, MSG_DONTWAIT);
		if (n >= 0) {
			bytes[n] = '\0';
			server_start.s->datagram(bytes, (unsigned)n);
			continue;
		}
		if (server_start.s->drained != NULL)
			server_start.s->drained();
		/* What had come is read to the end, also when stopping. */
		if (server_state.stopping)
			break;
		task_wait_fd(fd, TASK_READ, CLOCK_NEVER);
	}
	task_forget_fd(fd);
	close(fd);
	mem_free(bytes);
	if (--state.listeners == 0)
		task_wake_all(&state.ended);
}

static void
fifo_task(void *arg)
{
	int	fd = *(const int *)arg;
	char	bytes[256];
	ssize_t n;

	mem_free(arg);
	while (!server_state.stopping) {
		n = read(fd, bytes, sizeof bytes - 1);
		if (n > 0) {
			bytes[n] = '\0';
			if (server_start.s->triggered != NULL)
				server_start.s->triggered(bytes);
		} else
			task_wait_fd(fd, TASK_READ, CLOCK_NEVER);
	}
	task_forget_fd(fd);
	close(fd);
	if (--state.listeners == 0)
		task_wake_all(&state.ended);
}

static void
start_listeners(void)
{
	task_fn *fn = accept_task;
	int	 fd;

	if (text_eq(server_start.type, "fifo"))
		fn = fifo_task;
	else if (text_eq(server_start.type, "unix-dgram")) {
		if (server_start.s->datagram == NULL)
			fatalx("%s serves no datagrams: master.cf, service %s:"
			    " write \"unix\" for its type",
			    server_start.program, server_start.service);
		fn = datagram_task;
	}
	state.listeners = server_start.sockets;
	for (int i = 0; i < server_start.sockets; i++) {
		fd = MASTER_FD_LISTEN + i;
		file_set_nonblock(fd, true);
		file_set_cloexec(fd, true);
		task_start("accept", fn, mem_dup(&fd, sizeof fd));
	}
}

/* --- the end */

static bool
is_busy(void)
{
	const struct server *s = server_start.s;

	return s->is_busy != NULL && s->is_busy();
}

static void
begin_stop(void)
{
	if (server_state.stopping)
		return;
	server_state.stopping = true;
	for (int i = 0; i < server_start.sockets; i++)
		task_forget_fd(MASTER_FD_LISTEN + i);
	task_wake_all(&state.room);
	task_wake_all(&state.ended);
	/*
	 * A service that may run only once must make room for its successor:
	 * what its clients have sent is served, then they see the end.
	 */
	if (server_start.s->one_process)
		LIST_EACH(it, &state.sessions)
			shutdown(stream_fd(LIST_ENTRY(it, struct session,
			    link)->stream), SHUT_RD);
}

/* Ends the loop when nothing is left; `grace` in ms bounds that, -1 not. */
static void
finish(int64_t grace)
{
	int64_t until = grace < 0 ? CLOCK_NEVER : clock_ms() + grace;

	while (clock_ms() < until && (state.listeners > 0 ||
	    server_state.sessions > 0 || is_busy())) {
		int64_t wait = is_busy() ? clock_ms() + BUSY_POLL : until;

		task_wait(&state.ended, wait < until ? wait : until);
	}
	task_stop();
}

static void
term_task(void *arg)
{
	(void)arg;
	while (!state.term)
		task_wait(&state.signalled, CLOCK_NEVER);
	server_state.terminated = true;
	begin_stop();
	finish(TERM_GRACE);
}

/* Orders of master; its end of file is the end of master. */
static void
order_task(void *arg)
{
	char	order;
	ssize_t n;

	(void)arg;
	for (;;) {
		n = read(MASTER_FD_STATUS, &order, 1);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			task_wait_fd(MASTER_FD_STATUS, TASK_READ, CLOCK_NEVER);
			continue;
		}
		if (n <= 0 || order == MASTER_RETIRE)
			break;
		if (order == MASTER_STRESS || order == MASTER_CALM)
			server_set_stress(order == MASTER_STRESS);
		if (order == MASTER_LOOK && !state.full)
			for (int i = 0; i < server_start.sockets; i++)
				task_forget_fd(MASTER_FD_LISTEN + i);
	}
	begin_stop();
	/* Without master a new one may start any moment: no two of these. */
	finish(n <= 0 && server_start.s->one_process ? 0 : -1);
}

static void
leave_task(void *arg)
{
	(void)arg;
	if (server_state.stopping)
		return;
	server_report(MASTER_LEAVING);
	begin_stop();
	finish(-1);
}

void
server_multi_leave(void)
{
	task_start("leave", leave_task, NULL);
}

/*
 * A worker that nobody needs makes room.  One that holds state stays: so do
 * those that would only be started again by the next wake-up.
 */
static void
idle_task(void *arg)
{
	int64_t limit = (int64_t)server_start.max_idle * 1000, at;

	(void)arg;
	while (!server_state.stopping) {
		at = state.idle_since + limit;
		if (server_state.sessions == 0 && !is_busy() &&
		    clock_ms() >= at)
			break;
		if (at < clock_ms() + BUSY_POLL)
			at = clock_ms() + limit;
		task_sleep_ms(at - clock_ms());
	}
	leave_task(NULL);
}

static void
served_task(void *arg)
{
	(void)arg;
	task_sleep_ms(SERVED_AFTER);
	if (!server_state.served) {
		server_state.served = true;
		server_report(MASTER_SERVED);
	}
}

/* --- */

static int
session_limit(void)
{
	int files = (proc_max_files() - MASTER_FDS_OTHER) /
	    MASTER_FDS_A_SESSION;
	int want = server_start.max_sessions;

	if (files < 1)
		files = 1;
	return want > 0 && want < files ? want : files;
}

void
server_run_multi(void)
{
	state.limit = session_limit();
	state.idle_since = clock_ms();
	file_set_nonblock(MASTER_FD_STATUS, true);
	file_set_cloexec(MASTER_FD_STATUS, true);
	task_on_signal(SIGTERM, &state.term, &state.signalled);
	start_listeners();
	task_start("orders", order_task, NULL);
	task_start("term", term_task, NULL);
	task_start("served", served_task, NULL);
	if (!server_start.s->one_process && server_start.max_idle > 0)
		task_start("idle", idle_task, NULL);
	server_report(MASTER_READY);
	task_loop();
}
