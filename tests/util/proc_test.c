#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"
#include "util/clock.h"
#include "util/proc.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static void
run_gives_the_wait_status(void)
{
	char sh[] = "/bin/sh", c[] = "-c", script[] = "exit 3";
	char none[] = "/no/such/program";
	char *const argv[] = { sh, c, script, NULL }, *bad[] = { none, NULL };
	int status = proc_run(argv, NULL, -1, -1, 10);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	status = proc_run(bad, NULL, -1, -1, 10);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

static void
run_connects_input_and_output(void)
{
	char cat[] = "/bin/cat", *const argv[] = { cat, NULL }, got[10] = "";
	int in[2], out[2];

	CHECK(pipe(in) == 0 && pipe(out) == 0);
	CHECK(write(in[1], "hello", 5) == 5);
	fcntl(in[1], F_SETFD, FD_CLOEXEC);
	close(in[1]);
	CHECK(proc_run(argv, NULL, in[0], out[1], 10) == 0);
	CHECK(read(out[0], got, 5) == 5);
	CHECK_STR(got, "hello");
	close(in[0]);
	close(out[0]);
	close(out[1]);
}

static void
run_passes_no_other_descriptor_on_and_the_usual_limit(void)
{
	char  sh[] = "/bin/sh", c[] = "-c", script[100];
	char *const argv[] = { sh, c, script, NULL };
	int   fd = open("/dev/null", O_RDONLY), high = fcntl(fd, F_DUPFD, 60);

	CHECK(fd >= 0 && high >= 60 && proc_max_files() > 0);
	snprintf(script, sizeof script, "test ! -e /proc/self/fd/%d && "
	    "test ! -e /proc/self/fd/%d && test `ulimit -Sn` -le 1024", fd,
	    high);
	CHECK(proc_run(argv, NULL, -1, -1, 10) == 0);
	CHECK(close(fd) == 0 && close(high) == 0);
}

static void
run_kills_the_whole_group_at_its_limit(void)
{
	char sh[] = "/bin/sh", c[] = "-c", script[] = "sleep 30 & sleep 30";
	char *const argv[] = { sh, c, script, NULL };
	int64_t start = clock_ms();
	int	out[2];
	char	byte;

	CHECK(pipe(out) == 0);
	CHECK(proc_run(argv, NULL, -1, out[1], 1) == -1);
	CHECK(errno == ETIMEDOUT);
	close(out[1]);
	CHECK(read(out[0], &byte, 1) == 0);	/* nobody holds it any more */
	CHECK(clock_ms() - start < 5000);
	close(out[0]);
}

/* Runs `fn` in a child in a jail; the wait status. */
static int
jailed(unsigned allow, void (*fn)(void))
{
	int   status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (!proc_no_new_privs() || !proc_seccomp(allow))
			_exit(errno == ENOSYS ? 77 : 99);
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void *
idle(void *arg)
{
	return arg;
}

static void
ordinary_work(void)
{
	pthread_t t;
	char	  c[16];
	int	  p[2], fd = open("/etc/passwd", O_RDONLY);

	if (fd < 0 || read(fd, c, sizeof c) < 0 || pipe(p) < 0)
		_exit(2);
	if (pthread_create(&t, NULL, idle, NULL) != 0)
		_exit(3);
	pthread_join(t, NULL);
	if (socket(AF_UNIX, SOCK_STREAM, 0) < 0)
		_exit(4);
	free(malloc(10000000));
}

static void
make_file(void)
{
	open("/tmp/proc_test.never", O_CREAT | O_RDWR, 0600);
}

static void
make_socket(void)
{
	if (socket(AF_INET, SOCK_STREAM, 0) < 0)
		_exit(errno == EACCES ? 5 : 6);
}

static void
start_shell(void)
{
	execl("/bin/true", "true", (char *)NULL);
}

static void
be_root(void)
{
	(void)!setuid(0);
}

static void
jail_allows_what_it_says_and_nothing_else(void)
{
	static const struct {
		unsigned allow;
		void   (*fn)(void);
		bool	 dies;
		int	 status;
	} cases[] = {
		{ 0, ordinary_work, false, 0 },
		{ 0, make_file, true, 0 },
		{ PROC_JAIL_FILES, make_file, false, 0 },
		{ 0, make_socket, false, 5 },
		{ PROC_JAIL_NET, make_socket, false, 0 },
		{ PROC_JAIL_NET | PROC_JAIL_FILES, start_shell, true, 0 },
		{ PROC_JAIL_EXEC, start_shell, false, 0 },
		{ PROC_JAIL_NET | PROC_JAIL_FILES, be_root, true, 0 },
		{ PROC_JAIL_IDS, be_root, false, 0 },
	};

	for (size_t i = 0; !SANITIZED && i < sizeof cases / sizeof *cases; i++) {
		int status = jailed(cases[i].allow, cases[i].fn);

		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			return;		/* no seccomp here */
		if (cases[i].dies)
			CHECK(WIFSIGNALED(status) &&
			    WTERMSIG(status) == SIGSYS);
		else
			CHECK_INT(status, cases[i].status << 8);
	}
	unlink("/tmp/proc_test.never");
}

static void
landlock_hides_other_paths(void)
{
	static const struct proc_path paths[] = {
		{ "/etc", false }, { "/no/such", true },
	};
	int   status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (!proc_no_new_privs() || !proc_landlock(paths, 2))
			_exit(errno == ENOSYS || errno == EOPNOTSUPP ? 77 : 99);
		if (open("/etc/passwd", O_RDONLY) < 0)
			_exit(1);
		if (open("/proc/version", O_RDONLY) >= 0 || errno != EACCES)
			_exit(2);
		if (open("/etc/x", O_CREAT | O_RDWR, 0600) >= 0)
			_exit(3);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK(status == 0 || WEXITSTATUS(status) == 77);
}

int
main(void)
{
	TEST(run_gives_the_wait_status);
	TEST(run_connects_input_and_output);
	TEST(run_passes_no_other_descriptor_on_and_the_usual_limit);
	TEST(run_kills_the_whole_group_at_its_limit);
	TEST(jail_allows_what_it_says_and_nothing_else);
	TEST(landlock_hides_other_paths);
	CHECK(proc_cpus() >= 1 && proc_max_files() >= 64);
	return test_end();
}
