/*
 * server_single - one session at a time, which may block and change ids
 *
 * No tasks: streams wait with poll(2).  SIGTERM keeps its default action:
 * whoever is in the middle of a delivery that can't be finished is meant to
 * die; master asks politely first (RETIRE).
 */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/conf.h"
#include "mail/peer.h"
#include "server/server_int.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"
#include "util/stream.h"

/* Listeners exclusively, so that a connection wakes one worker only. */
static int
make_epoll(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int		   ep = epoll_create1(EPOLL_CLOEXEC), fd;

	if (ep < 0)
		fatal("epoll_create");
	e.data.fd = MASTER_FD_STATUS;
	file_set_nonblock(MASTER_FD_STATUS, true);
	file_set_cloexec(MASTER_FD_STATUS, true);
	if (epoll_ctl(ep, EPOLL_CTL_ADD, MASTER_FD_STATUS, &e) < 0)
		fatal("watch the channel to master");
	for (int i = 0; i < server_start.sockets; i++) {
		fd = MASTER_FD_LISTEN + i;
		file_set_nonblock(fd, true);
		file_set_cloexec(fd, true);
		e.events = EPOLLIN | EPOLLEXCLUSIVE;
		e.data.fd = fd;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0)
			fatal("watch listening socket %d", i);
	}
	return ep;
}

/* Master's orders, and its end.  LOOK needs no action: the next wait looks
 * at everything anew. */
static void
read_orders(void)
{
	char	order;
	ssize_t n;

	while ((n = read(MASTER_FD_STATUS, &order, 1)) == 1)
		if (order == MASTER_RETIRE)
			server_state.stopping = true;
	if (n == 0)
		server_state.stopping = true;
}

/* False: enough. */
static bool
accept_and_serve(int listener)
{
	static int served;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			log_warn("accept connection: %s", strerror(errno));
		return true;
	}
	server_report(MASTER_FULL);
	if (!server_state.served && server_start.s->first_session != NULL)
		server_start.s->first_session();
	/* Said before, not after: sessions of qmgr last long, and its own
	 * back-off keeps a program that crashes from being started at once. */
	if (!server_state.served)
		server_report(MASTER_SERVED);
	server_state.served = true;
	server_state.sessions = 1;
	server_session(stream_open(fd));
	server_state.sessions = 0;
	/* Programs that do much by other people's rules are given up now and
	 * then. */
	if (++served >= conf_mail.max_use)
		return false;
	log_flush();
	read_orders();
	if (!server_stopping())
		server_report(MASTER_OPEN);
	return true;
}

/* One event at a time: serving may take long, and what else was reported
 * before would be of old. */
static void
serve_until_idle(int ep)
{
	int64_t idle_at, limit = (int64_t)server_start.max_idle * 1000, wait;
	struct epoll_event e;
	int	n;

	idle_at = clock_ms() + limit;
	while (!server_stopping()) {
		log_flush();
		wait = idle_at - clock_ms();
		n = epoll_wait(ep, &e, 1, wait > 0 ? (int)wait : 0);
		if (n < 0 && errno != EINTR)
			fatal("epoll_wait");
		if (n == 0)
			return;
		if (n < 0 || e.data.fd == MASTER_FD_STATUS) {
			read_orders();
			continue;
		}
		if (!accept_and_serve(e.data.fd))
			return;
		idle_at = clock_ms() + limit;
	}
}

void
server_run_single(void)
{
	int ep = make_epoll();

	server_report(MASTER_READY);
	serve_until_idle(ep);
	if (!server_state.stopping)
		server_report(MASTER_LEAVING);
	server_state.stopping = true;
	peer_close_all();
}
