/*
 * server_alone - one session on standard input and output (-S)
 *
 * As in "sendmail -bs".  A stream has one descriptor for both directions:
 * where standard input is no socket a second process stands between, copies
 * both ways, and ends as the session's process did.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/server_int.h"
#include "util/file.h"
#include "util/log.h"
#include "util/stream.h"

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* False at the end or on an error of either side. */
static bool
copy(int from, int to)
{
	char	bytes[8192];
	ssize_t n = read(from, bytes, sizeof bytes);

	if (n < 0 && errno == EINTR)
		return true;
	return n > 0 && file_write_all(to, bytes, (size_t)n);
}

static void
relay(int session, pid_t pid)
{
	struct pollfd p[] = {
		{ .fd = session, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	int status = 1;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[0].revents != 0 && !copy(session, STDOUT_FILENO))
			break;
		if (p[1].revents != 0 && !copy(STDIN_FILENO, session)) {
			shutdown(session, SHUT_WR);
			p[1].fd = -1;
		}
	}
	close(session);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

void
server_run_alone(void)
{
	int   pair[2], fd = STDIN_FILENO;
	pid_t pid;

	if (!is_socket(STDIN_FILENO)) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		    pair) < 0)
			fatal("socketpair");
		log_flush();
		pid = fork();
		if (pid < 0)
			fatal("fork");
		if (pid > 0) {
			close(pair[1]);
			relay(pair[0], pid);
		}
		close(pair[0]);
		fd = pair[1];
	}
	if (server_start.s->first_session != NULL)
		server_start.s->first_session();
	server_state.sessions = 1;
	server_session(stream_open(fd));
}
