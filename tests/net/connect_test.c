#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/connect.h"
#include "tests/test.h"
#include "util/clock.h"
#include "util/task.h"

static int listener;
static struct addr where;

static void
listen_somewhere(const char *host)
{
	struct sockaddr_storage sa;
	socklen_t		len = sizeof sa;

	if (!addr_parse(&where, host, 0))
		abort();
	if ((listener = listen_inet(&where, 1)) < 0)
		abort();
	getsockname(listener, (void *)&sa, &len);
	addr_from_sockaddr(&where, (void *)&sa, len);
}

static void
connects(void *arg)
{
	int	  fd, peer, on = 0;
	socklen_t len = sizeof on;

	(void)arg;
	fd = connect_inet(&where, NULL, clock_in(5));
	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK(task_wait_accept(listener, clock_in(5)));
	peer = accept(listener, NULL, NULL);
	CHECK(peer >= 0);
	getsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, &len);
	CHECK(on != 0);
	close(peer);
	task_close(fd);
	task_stop();
}

static void
a_connection_is_made(void)
{
	static const char *const hosts[] = { "127.0.0.1", "::1" };

	for (int i = 0; i < 2; i++) {
		listen_somewhere(hosts[i]);
		task_start("connect", connects, NULL);
		task_loop();
		task_close(listener);
	}
}

static void
outside_of_tasks_too(void)
{
	struct addr from;
	int	    fd;

	listen_somewhere("127.0.0.1");
	if (!addr_parse(&from, "127.0.0.3", 0))
		abort();
	fd = connect_inet(&where, &from, clock_in(5));
	CHECK(fd >= 0);
	close(fd);
	task_close(listener);
}

static void
is_refused(void *arg)
{
	(void)arg;
	CHECK_INT(connect_inet(&where, NULL, clock_in(5)), -1);
	CHECK_INT(errno, ECONNREFUSED);
	task_stop();
}

static int
buffer_of(int fd, int option)
{
	int	  bytes = 0;
	socklen_t len = sizeof bytes;

	getsockopt(fd, SOL_SOCKET, option, &bytes, &len);
	return bytes;
}

/* The kernel doubles what it is told, for its own use. */
static void
a_window_is_bounded_at_both_ends(void)
{
	int fd, usual;

	listen_somewhere("127.0.0.1");
	usual = buffer_of(listener, SO_RCVBUF);
	close(listener);

	connect_set_window(20000);
	listen_somewhere("127.0.0.1");
	fd = connect_inet(&where, NULL, clock_in(5));
	connect_set_window(0);
	CHECK_INT(buffer_of(listener, SO_RCVBUF), 40000);
	CHECK_INT(buffer_of(listener, SO_SNDBUF), 40000);
	CHECK_INT(buffer_of(fd, SO_RCVBUF), 40000);
	CHECK_INT(buffer_of(fd, SO_SNDBUF), 40000);
	close(listener);
	task_close(fd);

	listen_somewhere("127.0.0.1");
	CHECK_INT(buffer_of(listener, SO_RCVBUF), usual);
	close(listener);
}

static void
nobody_listens(void)
{
	listen_somewhere("127.0.0.1");
	task_close(listener);
	task_start("refused", is_refused, NULL);
	task_loop();
}

/* A listener whose queue is full drops what comes: the connect() hangs. */
static void
hangs(void *arg)
{
	int fd[4];

	(void)arg;
	for (int i = 0; i < 4; i++)
		fd[i] = connect_inet(&where, NULL, clock_ms() + 50);
	CHECK_INT(fd[3], -1);
	CHECK_INT(errno, ETIMEDOUT);
	for (int i = 0; i < 4; i++)
		if (fd[i] >= 0)
			task_close(fd[i]);
	task_stop();
}

static void
a_silent_server_times_out(void)
{
	listen_somewhere("127.0.0.1");
	task_start("hangs", hangs, NULL);
	task_loop();
	task_close(listener);
}

static char dir[] = "/tmp/connect_test.XXXXXX";

static void
unix_sockets_have_their_mode(void)
{
	struct stat st;
	char	    path[100];
	int	    fd, again, client;

	snprintf(path, sizeof path, "%s/s", dir);
	fd = listen_unix(path, 0622, 5);
	CHECK(fd >= 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0622);
	client = connect_unix(path, clock_in(1));
	CHECK(client >= 0);
	close(client);
	again = listen_unix(path, 0666, 5);	/* replaces what was there */
	CHECK(again >= 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0666);
	close(fd);
	close(again);
	CHECK_INT(connect_unix(path, clock_in(1)), -1);
	CHECK_INT(errno, ECONNREFUSED);
	fd = listen_dgram(path, 0600);
	CHECK(fd >= 0);
	close(fd);
	unlink(path);
	CHECK_INT(connect_unix(path, clock_in(1)), -1);
	CHECK_INT(errno, ENOENT);
}

/* A link in the socket's place, again and again, by who owns the directory. */
static pid_t
start_swapper(const char *path, const char *target)
{
	pid_t pid = fork();

	while (pid == 0) {
		unlink(path);
		(void)!symlink(target, path);
	}
	return pid;
}

static void
the_mode_of_another_file_is_never_changed(void)
{
	struct stat st;
	char	    path[100], secret[100];
	pid_t	    swapper;
	int	    fd;
	mode_t	    old = umask(077);

	snprintf(path, sizeof path, "%s/s", dir);
	snprintf(secret, sizeof secret, "%s/secret", dir);
	CHECK((fd = open(secret, O_WRONLY | O_CREAT, 0600)) >= 0);
	close(fd);
	swapper = start_swapper(path, "secret");
	for (int i = 0; i < 3000; i++)
		if ((fd = listen_unix(path, 0666, 1)) >= 0)
			close(fd);
	kill(swapper, SIGKILL);
	waitpid(swapper, NULL, 0);
	CHECK(stat(secret, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK((fd = listen_unix(path, 0666, 1)) >= 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0666);
	close(fd);
	CHECK_INT(umask(old), 077);
	unlink(path);
	unlink(secret);
}

static void
a_full_unix_listener_times_out_or_lets_in(void)
{
	char path[100];
	int  fd, got[8], n = 0;

	snprintf(path, sizeof path, "%s/s", dir);
	fd = listen_unix(path, 0600, 1);
	while (n < 8 && (got[n] = connect_unix(path, clock_ms() + 30)) >= 0)
		n++;
	CHECK(n > 0 && n < 8);
	CHECK_INT(errno, ETIMEDOUT);
	close(accept(fd, NULL, NULL));
	CHECK((got[n++] = connect_unix(path, clock_in(5))) >= 0);
	while (n > 0)
		close(got[--n]);
	close(fd);
	unlink(path);
}

static void
long_paths_are_refused(void)
{
	char path[200];

	memset(path, 'x', sizeof path);
	path[sizeof path - 1] = '\0';
	CHECK_INT(connect_unix(path, clock_in(1)), -1);
	CHECK_INT(errno, ENAMETOOLONG);
	CHECK_INT(listen_unix(path, 0600, 1), -1);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		abort();
	TEST(a_connection_is_made);
	TEST(outside_of_tasks_too);
	TEST(a_window_is_bounded_at_both_ends);
	TEST(nobody_listens);
	TEST(a_silent_server_times_out);
	TEST(unix_sockets_have_their_mode);
	TEST(the_mode_of_another_file_is_never_changed);
	TEST(a_full_unix_listener_times_out_or_lets_in);
	TEST(long_paths_are_refused);
	rmdir(dir);
	return test_end();
}
