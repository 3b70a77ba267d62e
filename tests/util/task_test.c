#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"
#include "util/clock.h"
#include "util/task.h"

static char said[200];

static void
say(const char *word)
{
	strncat(said, word, sizeof said - strlen(said) - 1);
}

static void *
letter(char c)
{
	static char letters[256][2];

	letters[(unsigned char)c][0] = c;
	return letters[(unsigned char)c];
}

static void
stop(void *arg)
{
	(void)arg;
	task_stop();
}

static void
pair(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	    fd) < 0)
		abort();
}

/* Until the tasks that are left over have ended. */
static void
drain(void)
{
	static struct task_cond never = TASK_COND_INIT(never);

	while (task_count() > 0)
		task_wait(&never, clock_ms() + 5);
}

/* --- order */

static void
speak_twice(void *arg)
{
	say(arg);
	task_yield();
	say(arg);
}

static void
tasks_run_in_order_and_take_turns(void)
{
	said[0] = '\0';
	task_start("a", speak_twice, letter('a'));
	task_start("b", speak_twice, letter('b'));
	task_start("c", speak_twice, letter('c'));
	CHECK_STR(said, "");
	CHECK_INT(task_count(), 3);
	CHECK(!task_running());
	task_start("stop", speak_twice, letter('.'));
	task_start("stop", stop, NULL);
	task_loop();
	CHECK_STR(said, "abc.");
	task_start("stop", stop, NULL);
	task_loop();
	CHECK_STR(said, "abc.abc.");
	CHECK_INT(task_count(), 0);
}

static int deep_left;

static void
deep(void *arg)
{
	volatile char here[64 * 1024];

	memset((char *)here, 1, sizeof here);
	task_yield();
	for (size_t i = 0; i < sizeof here; i++)
		if (here[i] != 1)
			abort();
	(void)arg;
	if (--deep_left == 0)
		task_stop();
}

static void
a_thousand_stacks_keep_their_content(void)
{
	deep_left = 1000;
	for (int i = 0; i < 1000; i++)
		task_start("deep", deep, NULL);
	task_loop();
	CHECK_INT(task_count(), 0);
#ifdef TASK_WATERMARK
	CHECK(task_stack_watermark() > 64 * 1024);
	CHECK(task_stack_watermark() < TASK_STACK);
#endif
}

/* --- time */

/* Deadlines of one start, so that a busy machine does not change their
 * order. */
static int64_t sleep_from;

static void
sleeper(void *arg)
{
	static struct task_cond never = TASK_COND_INIT(never);
	long			ms = (long)arg;
	char			word[2] = { (char)('0' + ms / 20), 0 };

	CHECK(!task_wait(&never, sleep_from + ms));
	say(word);
	if (ms == 80)
		task_stop();
}

static void
sleepers_wake_in_order_of_time(void)
{
	sleep_from = clock_ms();
	said[0] = '\0';
	task_start("4", sleeper, (void *)80L);
	task_start("1", sleeper, (void *)20L);
	task_start("3", sleeper, (void *)60L);
	task_start("2", sleeper, (void *)40L);
	task_loop();
	CHECK_STR(said, "1234");
	CHECK(clock_ms() - sleep_from >= 80);
	CHECK(clock_ms() - sleep_from < 30000);
}

static void
many_random_sleepers(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (int i = 0; i < 5; i++) {
		int64_t from = clock_ms(), ms;

		seed = seed * 1103515245 + 12345;
		ms = (seed >> 16) % 50;
		task_sleep_ms(ms);
		if (clock_ms() - from < ms)
			say("early");
	}
	if (task_count() == 1)
		task_stop();
}

static void
nobody_wakes_early(void)
{
	said[0] = '\0';
	for (long i = 0; i < 500; i++)
		task_start("sleeper", many_random_sleepers, (void *)i);
	task_loop();
	CHECK_STR(said, "");
}

/* --- descriptors */

static int io[2];

static void
read_when_ready(void *arg)
{
	char c[2] = { 0 };

	(void)arg;
	while (read(io[0], c, 1) < 0)
		if (!task_wait_fd(io[0], TASK_READ, clock_ms() + 2000)) {
			say("late");
			break;
		}
	say(c);
	task_stop();
}

static void
write_after_a_while(void *arg)
{
	task_sleep_ms(10);
	if (write(io[1], arg, 1) != 1)
		abort();
}

static void
a_reader_waits_for_the_writer(void)
{
	pair(io);
	said[0] = '\0';
	task_start("reader", read_when_ready, NULL);
	task_start("writer", write_after_a_while, letter('x'));
	task_loop();
	CHECK_STR(said, "x");
	task_close(io[0]);
	task_close(io[1]);
}

static void
wait_in_vain(void *arg)
{
	int64_t from = clock_ms();

	(void)arg;
	CHECK(!task_wait_fd(io[0], TASK_READ, from + 30));
	CHECK(clock_ms() - from >= 30);
	/* A deadline that has passed. */
	CHECK(!task_wait_fd(io[0], TASK_READ, from));
	/* And the descriptor is good for another wait. */
	CHECK(write(io[1], "x", 1) == 1);
	CHECK(task_wait_fd(io[0], TASK_READ, clock_ms() + 1000));
	task_stop();
}

static void
a_wait_ends_at_its_deadline(void)
{
	pair(io);
	task_start("vain", wait_in_vain, NULL);
	task_loop();
	task_close(io[0]);
	task_close(io[1]);
}

static void
edge_comes_first(void *arg)
{
	char c;

	(void)arg;
	CHECK(!task_wait_fd(io[0], TASK_READ, clock_ms() + 1));
	CHECK(write(io[1], "x", 1) == 1);
	task_sleep_ms(10);		/* the loop sees the edge */
	CHECK(task_fd_try(io[0], true));
	CHECK(read(io[0], &c, 1) == 1);
	CHECK(!task_fd_try(io[0], true));
	CHECK(write(io[1], "x", 1) == 1);
	task_sleep_ms(10);
	CHECK(task_wait_fd(io[0], TASK_READ, clock_in(5)));
	CHECK(read(io[0], &c, 1) == 1);
	CHECK(!task_wait_fd(io[0], TASK_READ, clock_ms() + 10));

	/* Data and end at once: the end is not forgotten. */
	CHECK(write(io[1], "x", 1) == 1);
	shutdown(io[1], SHUT_WR);
	CHECK(task_wait_fd(io[0], TASK_READ, clock_in(5)));
	CHECK(task_fd_try(io[0], true));
	CHECK(read(io[0], &c, 1) == 1);
	CHECK(task_fd_try(io[0], true));
	CHECK(task_wait_fd(io[0], TASK_READ, clock_in(5)));
	CHECK(read(io[0], &c, 1) == 0);
	task_stop();
}

static void
an_edge_before_the_wait_is_not_lost(void)
{
	pair(io);
	task_start("edge", edge_comes_first, NULL);
	task_loop();
	task_close(io[0]);
	task_close(io[1]);
}

/*
 * Two descriptors become ready in one batch of events.  The first task
 * closes the other's, and opens a new one with the same number: the second
 * event must not wake whoever waits for the new one.
 */
static int first[2], second[2], third[2];

static void
waits_for_new(void *arg)
{
	(void)arg;
	if (task_wait_fd(third[0], TASK_READ, clock_ms() + 50))
		say("ghost");
	task_stop();
}

static void
closes_the_other(void *arg)
{
	int copy;

	(void)arg;
	task_wait_fd(first[0], TASK_READ, CLOCK_NEVER);
	task_wait_fd(second[0], TASK_READ, clock_ms() + 1);
	if (write(second[1], "x", 1) != 1)
		abort();
	copy = fcntl(second[0], F_DUPFD_CLOEXEC, 100);	/* it lives on */
	task_close(second[0]);
	pair(third);
	if (third[0] != second[0])
		say("other number");
	task_start("new", waits_for_new, NULL);
	task_sleep_ms(100);
	close(copy);
}

static void
a_stale_event_wakes_nobody(void)
{
	pair(first);
	pair(second);
	said[0] = '\0';
	task_start("closer", closes_the_other, NULL);
	if (write(first[1], "x", 1) != 1)
		abort();
	task_loop();
	CHECK_STR(said, "");
	task_close(first[0]);
	task_close(first[1]);
	task_close(second[1]);
	task_close(third[0]);
	task_close(third[1]);
	drain();
}

static void
full_pipe_writer(void *arg)
{
	static char bytes[1000];
	size_t	    sent = 0;
	ssize_t	    n;

	(void)arg;
	while (sent < 3000000) {
		n = write(io[1], bytes, sizeof bytes);
		if (n > 0)
			sent += (size_t)n;
		else if (!task_wait_fd(io[1], TASK_WRITE, clock_ms() + 2000)) {
			say("late");
			break;
		}
	}
	task_close(io[1]);
}

static void
slow_reader(void *arg)
{
	char	bytes[5000];
	size_t	got = 0;
	ssize_t n;

	(void)arg;
	while ((n = read(io[0], bytes, sizeof bytes)) != 0) {
		if (n > 0)
			got += (size_t)n;
		else if (!task_wait_fd(io[0], TASK_READ, clock_ms() + 2000))
			break;
	}
	if (got != 3000000)
		say("short");
	task_stop();
}

static void
a_full_socket_makes_the_writer_wait(void)
{
	pair(io);
	said[0] = '\0';
	task_start("writer", full_pipe_writer, NULL);
	task_start("reader", slow_reader, NULL);
	task_loop();
	CHECK_STR(said, "");
	task_close(io[0]);
}

static void
waits_forever_on_fd(void *arg)
{
	(void)arg;
	say(task_wait_fd(io[0], TASK_READ, CLOCK_NEVER) ? "ready" : "gone");
	task_stop();
}

static void
closes_io(void *arg)
{
	(void)arg;
	task_close(io[0]);
}

static void
closing_ends_the_wait_of_another_task(void)
{
	pair(io);
	said[0] = '\0';
	task_start("waiter", waits_forever_on_fd, NULL);
	task_start("closer", closes_io, NULL);
	task_loop();
	CHECK_STR(said, "gone");
	close(io[1]);
}

static void
a_file_is_always_ready(void *arg)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	(void)arg;
	CHECK(task_wait_fd(fd, TASK_READ, clock_ms() + 1000));
	task_close(fd);
	task_stop();
}

static void
regular_files_do_not_wait(void)
{
	task_start("file", a_file_is_always_ready, NULL);
	task_loop();
}

static void
outside_of_tasks_waits_block(void)
{
	int64_t from = clock_ms();

	pair(io);
	CHECK(!task_wait_fd(io[0], TASK_READ, from + 30));
	CHECK(clock_ms() - from >= 30);
	CHECK(write(io[1], "x", 1) == 1);
	CHECK(task_wait_fd(io[0], TASK_READ, CLOCK_NEVER));
	from = clock_ms();
	task_sleep_ms(20);
	CHECK(clock_ms() - from >= 20);
	task_yield();
	close(io[0]);
	close(io[1]);
}

/* --- fairness */

static volatile bool hog_on;

static void
hog(void *arg)
{
	(void)arg;
	while (hog_on)
		task_be_fair();
}

static void
modest(void *arg)
{
	(void)arg;
	task_sleep_ms(20);
	hog_on = false;
	task_stop();
}

static void
a_task_that_never_waits_does_not_starve_others(void)
{
	hog_on = true;
	task_start("hog", hog, NULL);
	task_start("modest", modest, NULL);
	task_loop();
	CHECK(!hog_on);
	drain();
}

/* --- conditions */

static struct task_cond cond = TASK_COND_INIT(cond);

static void
wait_and_say(void *arg)
{
	say(task_wait(&cond, clock_ms() + 30) ? arg : "!");
}

static void
wake_some(void *arg)
{
	(void)arg;
	CHECK(task_wake_one(&cond));
	CHECK(task_wake_one(&cond));
	task_sleep_ms(60);
	CHECK(!task_wake_one(&cond));
	task_stop();
}

static void
conditions_wake_in_order_or_time_out(void)
{
	said[0] = '\0';
	task_start("a", wait_and_say, letter('a'));
	task_start("b", wait_and_say, letter('b'));
	task_start("c", wait_and_say, letter('c'));
	task_start("waker", wake_some, NULL);
	task_loop();
	CHECK_STR(said, "ab!");
}

static void
wake_later(void *arg)
{
	(void)arg;
	task_sleep_ms(10);
	task_wake_all(&cond);
}

static void
a_condition_outside_of_tasks_runs_the_loop(void)
{
	task_start("waker", wake_later, NULL);
	CHECK(task_wait(&cond, clock_ms() + 2000));
	CHECK(!task_wait(&cond, clock_ms() + 10));
	CHECK(list_is_empty(&cond.waiters));
}

/* --- helper threads */

static int offloaded;

static void
slow_call(void *arg)
{
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	if (!sigismember(&blocked, SIGTERM))
		abort();
	usleep(20000);
	*(int *)arg = 1;
}

static void
offloads(void *arg)
{
	int done = 0;

	(void)arg;
	task_offload(slow_call, &done);
	offloaded += done;
	if (task_count() == 1)
		task_stop();
}

static void
blocking_calls_run_beside_each_other(void)
{
	int64_t from = clock_ms();

	task_offload_max(8);
	for (int i = 0; i < 32; i++)
		task_start("offload", offloads, NULL);
	task_loop();
	CHECK_INT(offloaded, 32);
	CHECK(clock_ms() - from >= 80);		/* 8 at a time */
}

static void
syncs(void *arg)
{
	int fd = *(int *)arg;

	CHECK_INT(task_fsync(fd), 0);
	CHECK_INT(task_fsync(12345), -1);
	CHECK_INT(errno, EBADF);
	task_stop();
}

static void
fsync_gives_result_and_errno(void)
{
	char name[] = "/tmp/task_test.XXXXXX";
	int  fd = mkstemp(name);

	unlink(name);
	task_start("sync", syncs, &fd);
	task_loop();
	CHECK_INT(task_fsync(fd), 0);		/* outside of tasks */
	close(fd);
}

/* --- signals */

static volatile bool	signalled;
static struct task_cond on_signal = TASK_COND_INIT(on_signal);

static void
waits_for_signal(void *arg)
{
	(void)arg;
	while (!signalled)
		if (!task_wait(&on_signal, clock_ms() + 2000))
			break;
	task_stop();
}

static void
signals_itself(void *arg)
{
	(void)arg;
	task_sleep_ms(10);
	kill(getpid(), SIGUSR1);
}

static void
a_signal_sets_its_flag_and_wakes(void)
{
	task_on_signal(SIGUSR1, &signalled, &on_signal);
	task_start("waiter", waits_for_signal, NULL);
	task_start("killer", signals_itself, NULL);
	task_loop();
	CHECK(signalled);
}

/* --- fork */

static void
forks(void *arg)
{
	int status = -1;
	pid_t pid = fork();

	(void)arg;
	if (pid == 0) {
		int64_t from = clock_ms();

		task_sleep_ms(10);
		_exit(!task_running() && clock_ms() - from >= 10 ? 7 : 1);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	task_stop();
}

static void
a_forked_child_has_no_tasks(void)
{
	task_start("forks", forks, NULL);
	task_loop();
	/* and the parent's loop was not touched */
	sleepers_wake_in_order_of_time();
}

static void
a_forked_child_may_start_its_own(void)
{
	int   status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		said[0] = '\0';
		sleep_from = clock_ms();
		task_start("1", sleeper, (void *)20L);
		task_start("4", sleeper, (void *)80L);
		task_loop();
		_exit(strcmp(said, "14") == 0 ? 7 : 1);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static int
too_deep(int n)
{
	volatile char frame[1000];

	memset((char *)frame, n, sizeof frame);
	return n == 0 ? frame[0] : too_deep(n - 1) + frame[n % 1000];
}

static void
overflows(void *arg)
{
	_exit(too_deep(*(int *)arg) == 1);
}

static void
a_stack_that_is_too_small_hits_its_guard_page(void)
{
	int   status = 0, depth = TASK_STACK / 1000 + 100;
	pid_t pid = fork();

	if (pid == 0) {
		close(2);	/* the sanitizer has a lot to say */
		task_start("deep", overflows, &depth);
		task_loop();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == 1));
}

/* --- listeners */

static int		  listener, accepted;
static struct sockaddr_un where = { .sun_family = AF_UNIX };

static void
acceptor(void *arg)
{
	int fd;

	(void)arg;
	while (accepted < 3 && task_wait_accept(listener, clock_ms() + 2000)) {
		if ((fd = accept(listener, NULL, NULL)) < 0)
			continue;
		close(fd);
		accepted++;
		if (accepted == 2) {
			/* Nobody waits: the loop must not spin. */
			task_sleep_ms(50);
			task_listen_off(listener);
		}
	}
	task_stop();
}

static void
connector(void *arg)
{
	int fd;

	(void)arg;
	for (int i = 0; i < 3; i++) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (void *)&where, sizeof where) < 0)
			say("refused");
		close(fd);
	}
}

static double
cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
listeners_can_be_turned_off_and_on(void)
{
	double cpu = cpu_seconds();

	said[0] = '\0';
	snprintf(where.sun_path + 1, sizeof where.sun_path - 1, "task_test.%d",
	    (int)getpid());
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (bind(listener, (void *)&where, sizeof where) < 0 ||
	    listen(listener, 10) < 0)
		abort();
	task_start("acceptor", acceptor, NULL);
	task_start("connector", connector, NULL);
	task_loop();
	CHECK_INT(accepted, 3);
	CHECK_STR(said, "");
	CHECK(cpu_seconds() - cpu < 0.04);
	task_close(listener);
}

int
main(void)
{
	TEST(tasks_run_in_order_and_take_turns);
	TEST(a_thousand_stacks_keep_their_content);
	TEST(sleepers_wake_in_order_of_time);
	TEST(nobody_wakes_early);
	TEST(a_reader_waits_for_the_writer);
	TEST(a_wait_ends_at_its_deadline);
	TEST(an_edge_before_the_wait_is_not_lost);
	TEST(a_stale_event_wakes_nobody);
	TEST(a_full_socket_makes_the_writer_wait);
	TEST(closing_ends_the_wait_of_another_task);
	TEST(regular_files_do_not_wait);
	TEST(outside_of_tasks_waits_block);
	TEST(a_task_that_never_waits_does_not_starve_others);
	TEST(conditions_wake_in_order_or_time_out);
	TEST(a_condition_outside_of_tasks_runs_the_loop);
	TEST(blocking_calls_run_beside_each_other);
	TEST(fsync_gives_result_and_errno);
	TEST(a_signal_sets_its_flag_and_wakes);
	TEST(a_forked_child_has_no_tasks);
	TEST(a_forked_child_may_start_its_own);
	TEST(a_stack_that_is_too_small_hits_its_guard_page);
	TEST(listeners_can_be_turned_off_and_on);
	return test_end();
}
