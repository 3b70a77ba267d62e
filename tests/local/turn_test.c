#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "local/turn.h"
#include "tests/test.h"
#include "util/clock.h"

enum { EACH = 20 };

/* Takes turns, and sees whether somebody else is at it. */
static void
work(const char *path)
{
	bool alone = true;
	int  fd;

	turn_open();
	for (int i = 0; i < EACH; i++) {
		turn_take(path, 30);
		fd = open("busy", O_CREAT | O_EXCL | O_WRONLY, 0600);
		alone = alone && fd >= 0;
		usleep(1000);
		close(fd);
		unlink("busy");
		turn_end();
	}
	_exit(alone ? 0 : 1);
}

static void
processes_are_alone_in_their_turn(void)
{
	int status, bad = 0;

	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			work("/var/mail/ann");
	while (wait(&status) > 0)
		bad += status != 0;
	CHECK(bad == 0);
}

static void
the_wait_ends_when_its_time_is_up(void)
{
	int64_t begin;
	pid_t	pid;
	int	status, has_it[2];
	char	c;

	CHECK(pipe(has_it) == 0);
	pid = fork();
	if (pid == 0) {
		turn_open();
		turn_take("/var/mail/ann", 1);
		if (write(has_it[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	CHECK(read(has_it[0], &c, 1) == 1);
	turn_open();
	begin = clock_ms();
	CHECK(!turn_take("/var/mail/bob", 60));	/* nobody's */
	turn_end();
	CHECK(clock_ms() - begin < 30 * 1000);
	begin = clock_ms();
	CHECK(turn_take("/var/mail/ann", 1));
	CHECK(clock_ms() - begin >= 900);
	turn_end();				/* has none: no harm */
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static void
without_its_file_there_is_no_waiting(void)
{
	CHECK(unlink("pid/mailbox.lock") == 0 && rmdir("pid") == 0);
	turn_open();
	turn_take("/var/mail/ann", 10);
	turn_end();
}

int
main(void)
{
	char dir[] = "/tmp/turn_test.XXXXXX";

	if (mkdtemp(dir) == NULL || chdir(dir) != 0 || mkdir("pid", 0700) != 0)
		return 1;
	TEST(processes_are_alone_in_their_turn);
	TEST(the_wait_ends_when_its_time_is_up);
	TEST(without_its_file_there_is_no_waiting);
	rmdir(dir);
	return test_end();
}
