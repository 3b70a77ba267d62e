/*
 * connect - making connections and listeners
 *
 * TCP sockets get TCP_NODELAY: streams send whole answers, and a segment held
 * back by the kernel would wait for the other side's delayed ACK.  An
 * accepted socket has it from its listener.
 */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/connect.h"
#include "util/clock.h"
#include "util/task.h"

enum { FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC };

static int
close_keeping_errno(int fd)
{
	int saved = errno;

	task_close(fd);
	errno = saved;
	return -1;
}

static void
set_on(int fd, int level, int option)
{
	setsockopt(fd, level, option, &(int){ 1 }, sizeof(int));
}

static int window;		/* bytes; 0: the kernel's */

void
connect_set_window(int bytes)
{
	window = bytes;
}

/* Before connect() or listen(): the first packets agree on it. */
static void
set_window(int fd)
{
	if (window == 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &window, sizeof window);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
}

/* The end of a connect() in progress. */
static int
finish(int fd, int64_t deadline)
{
	int	  error;
	socklen_t len = sizeof error;

	if (!task_wait_fd(fd, TASK_WRITE, deadline)) {
		errno = ETIMEDOUT;
		return close_keeping_errno(fd);
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return close_keeping_errno(fd);
	if (error != 0) {
		errno = error;
		return close_keeping_errno(fd);
	}
	return fd;
}

int
connect_inet(const struct addr *to, const struct addr *bind_to,
    int64_t deadline)
{
	int fd = socket(addr_family(to), SOCK_STREAM | FLAGS, 0);

	if (fd < 0)
		return -1;
	set_on(fd, IPPROTO_TCP, TCP_NODELAY);
	set_window(fd);
	if (bind_to != NULL) {
		/* The port is chosen at connect(), when the other end is
		 * known: thousands of connections share the range. */
		set_on(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
		if (bind(fd, (const void *)&bind_to->sa, bind_to->len) < 0)
			return close_keeping_errno(fd);
	}
	if (connect(fd, (const void *)&to->sa, to->len) == 0)
		return fd;
	if (errno != EINPROGRESS && errno != EINTR)
		return close_keeping_errno(fd);
	return finish(fd, deadline);
}

static bool
unix_address(struct sockaddr_un *a, const char *path)
{
	if (strlen(path) >= sizeof a->sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	strcpy(a->sun_path, path);
	return true;
}

/*
 * A Unix socket connects at once or says EAGAIN when the listener's queue is
 * full; nothing tells when there is room, so this asks again and again, less
 * and less often.
 */
int
connect_unix(const char *path, int64_t deadline)
{
	struct sockaddr_un a;
	int64_t		   pause = 1;
	int		   fd;

	if (!unix_address(&a, path))
		return -1;
	if ((fd = socket(AF_UNIX, SOCK_STREAM | FLAGS, 0)) < 0)
		return -1;
	while (connect(fd, (const void *)&a, sizeof a) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return close_keeping_errno(fd);
		if (clock_ms() + pause > deadline) {
			errno = ETIMEDOUT;
			return close_keeping_errno(fd);
		}
		task_sleep_ms(pause);
		if (pause < 50)
			pause *= 2;
	}
	return fd;
}

/* --- listeners */

int
listen_inet(const struct addr *a, int backlog)
{
	int fd = socket(addr_family(a), SOCK_STREAM | FLAGS, 0);

	if (fd < 0)
		return -1;
	set_on(fd, SOL_SOCKET, SO_REUSEADDR);
	set_on(fd, IPPROTO_TCP, TCP_NODELAY);
	set_window(fd);
	if (addr_family(a) == AF_INET6)
		set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (bind(fd, (const void *)&a->sa, a->len) < 0 ||
	    listen(fd, backlog) < 0)
		return close_keeping_errno(fd);
	return fd;
}

/* The name is given with its mode: chmod() afterwards would follow a link that
 * was put in its place meanwhile. */
static int
bind_unix(const char *path, int type, mode_t mode)
{
	struct sockaddr_un a;
	int		   fd;
	mode_t		   old;
	bool		   ok;

	if (!unix_address(&a, path))
		return -1;
	if ((fd = socket(AF_UNIX, type | FLAGS, 0)) < 0)
		return -1;
	old = umask(0777 & ~mode);
	ok = (unlink(path) == 0 || errno == ENOENT) &&
	    bind(fd, (const void *)&a, sizeof a) == 0;
	umask(old);
	return ok ? fd : close_keeping_errno(fd);
}

int
listen_unix(const char *path, mode_t mode, int backlog)
{
	int fd = bind_unix(path, SOCK_STREAM, mode);

	if (fd >= 0 && listen(fd, backlog) < 0)
		return close_keeping_errno(fd);
	return fd;
}

int
listen_dgram(const char *path, mode_t mode)
{
	return bind_unix(path, SOCK_DGRAM, mode);
}
