#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "tests/test.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"

static char dir[] = "/tmp/log_test.XXXXXX";
static char text[1 << 20];

static int
receiver(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	unlink("sock");
	strcpy(sa.sun_path, "sock");
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0)
		return -1;
	return fd;
}

/* All that has come, and in how many datagrams. */
static int
receive(int fd)
{
	size_t	len = 0;
	ssize_t n;
	int	count = 0;

	while ((n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0) {
		len += (size_t)n;
		count++;
	}
	text[len] = '\0';
	return count;
}

static void
lines_look_like_postfix_lines(void)
{
	int  fd = receiver();
	char want[200], *at;

	log_set_host("mx.example.com");
	log_open(LOG_TO_SOCKET, "postfix/smtpd", "sock", LOG_MAIL);
	log_info("connect from %s", "a\r\nb\x7f");
	log_debug("not without -v");
	CHECK(log_flush());
	CHECK_INT(receive(fd), 1);
	snprintf(want, sizeof want, " mx postfix/smtpd[%d]: connect from "
	    "a??b?\n", (int)getpid());
	at = strstr(text, want);
	CHECK(at != NULL && at - text == 15);
	CHECK(text[3] == ' ' && text[6] == ' ' && text[9] == ':');
	close(fd);
}

static void
what_is_no_utf8_is_masked(void)
{
	int fd = receiver();

	log_open(LOG_TO_SOCKET, "postfix/smtpd", "sock", LOG_MAIL);
	log_info("<j\xc3\xbcrgen\xff\xc3>");
	log_set_ascii(true);
	log_info("<j\xc3\xbcrgen>");
	log_set_ascii(false);
	CHECK(log_flush());
	CHECK_INT(receive(fd), 1);
	CHECK(strstr(text, ": <j\xc3\xbcrgen?\?>\n") != NULL);
	CHECK(strstr(text, ": <j??rgen>\n") != NULL);
	close(fd);
}

static void
a_tag_begins_no_line_of_its_own(void)
{
	int fd = receiver();

	log_open(LOG_TO_SOCKET, "postfix/x\nSep  1 00:00:00 mx", "sock",
	    LOG_MAIL);
	log_info("text");
	log_flush();
	receive(fd);
	CHECK(strstr(text, "postfix/x?Sep  1 00:00:00 mx[") != NULL);
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
	close(fd);
}

static void
several_lines_go_in_one_datagram(void)
{
	int fd = receiver();

	log_open(LOG_TO_SOCKET, "postfix/x", "sock", LOG_MAIL);
	for (int i = 0; i < 10; i++)
		log_info("line %d", i);
	CHECK_INT(receive(fd), 0);
	log_flush();
	CHECK_INT(receive(fd), 1);
	CHECK(strstr(text, "line 0\n") != NULL);
	CHECK(strstr(text, "line 9\n") != NULL);
	log_warn("goes at once");
	CHECK_INT(receive(fd), 1);
	CHECK(strstr(text, ": warning: goes at once\n") != NULL);
	close(fd);
}

static void
many_lines_a_second_are_gathered(void)
{
	int	fd = receiver(), came = 0, lines = 0, wait;
	int64_t from = clock_ms();

	log_open(LOG_TO_SOCKET, "postfix/x", "sock", LOG_MAIL);
	log_info("calm");
	CHECK_INT(log_flush_soon(), -1);
	CHECK_INT(receive(fd), 1);
	while (clock_ms() - from < 400) {
		log_info("line %d", lines++);
		log_flush_soon();
		came += receive(fd);
	}
	CHECK(came < lines / 2);
	log_info("last");
	while ((wait = log_flush_soon()) >= 0 && clock_ms() - from < 10000)
		usleep((unsigned)wait * 1000);
	CHECK_INT(receive(fd), 1);
	CHECK(strstr(text, "last\n") != NULL);
	close(fd);
}

static void
lines_travel_with_an_answer(void)
{
	int	   fd = receiver();
	struct buf lines = BUF_INIT;

	log_open(LOG_TO_SOCKET, "postfix/agent", "sock", LOG_MAIL);
	CHECK(!log_take(&lines, 1000));
	log_info("sent");
	log_info("sent again");
	CHECK(!log_take(&lines, 20));
	CHECK(log_take(&lines, 1000));
	CHECK(log_flush());
	CHECK_INT(receive(fd), 0);

	log_open(LOG_TO_SOCKET, "postfix/other", "sock", LOG_MAIL);
	log_pass_on(lines.data, lines.len);
	log_info("removed");
	CHECK(log_flush());
	CHECK_INT(receive(fd), 1);
	CHECK(strstr(text, "postfix/agent[") != NULL);
	CHECK(strstr(text, "]: sent again\n") < strstr(text, "]: removed\n"));
	buf_done(&lines);
	close(fd);
}

/* Takes all that was kept: which of `wanted` was there, a bit each. */
static unsigned
drain(int fd, const char *const *wanted)
{
	unsigned found = 0;
	bool	 last;

	do {
		last = log_flush();
		receive(fd);
		for (int i = 0; wanted[i] != NULL; i++)
			if (strstr(text, wanted[i]) != NULL)
				found |= 1u << i;
	} while (!last);
	return found;
}

static void
receiver_that_is_gone_neither_blocks_nor_loses_all(void)
{
	static const char *const lines[] = { "while gone 0\n",
		"while gone 30000\n", " log lines were lost",
		"while gone 99999\n", NULL };

	int	fd = receiver();
	int64_t start;

	log_open(LOG_TO_SOCKET, "postfix/x", "sock", LOG_MAIL);
	log_info("before");
	log_flush();
	close(fd);
	unlink("sock");
	start = clock_ms();
	for (int i = 0; i < 100000; i++)
		log_info("while gone %d", i);
	CHECK(!log_flush());
	CHECK(clock_ms() - start < 10000);
	fd = receiver();
	usleep(150000);
	CHECK_INT(drain(fd, lines), 7);
	close(fd);
}

static void
receiver_that_reads_nothing_does_not_block(void)
{
	static const char *const lines[] = { "flood 0\n", "flood 19999\n",
		NULL };
	int	fd = receiver();
	int64_t start = clock_ms();

	log_open(LOG_TO_SOCKET, "postfix/x", "sock", LOG_MAIL);
	for (int i = 0; i < 20000; i++)
		log_warn("flood %d", i);
	CHECK(clock_ms() - start < 10000);
	CHECK_INT(drain(fd, lines), 3);
	close(fd);
}

static void
child_does_not_send_its_parents_lines_again(void)
{
	int   fd = receiver(), status;
	pid_t pid;
	char *first;

	log_open(LOG_TO_SOCKET, "postfix/x", "sock", LOG_MAIL);
	log_info("once");
	pid = fork();
	if (pid == 0) {
		log_info("child");
		log_flush();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	log_flush();
	receive(fd);
	first = strstr(text, "once\n");
	CHECK(first != NULL && strstr(first + 1, "once\n") == NULL);
	CHECK(strstr(text, "child\n") != NULL);
	close(fd);
}

static void
fatal_ends_with_status_1_and_the_reason(void)
{
	int   pipes[2], status;
	pid_t pid;
	ssize_t n;

	CHECK(pipe(pipes) == 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], 2);
		log_open(LOG_TO_STDERR, "postfix/postmap", NULL, 0);
		errno = ENOENT;
		fatal("open %s", "x");
	}
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	n = read(pipes[0], text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	CHECK_STR(text, "postmap: fatal: open x: No such file or directory\n");
	close(pipes[0]);
	close(pipes[1]);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return 1;
	TEST(lines_look_like_postfix_lines);
	TEST(what_is_no_utf8_is_masked);
	TEST(a_tag_begins_no_line_of_its_own);
	TEST(several_lines_go_in_one_datagram);
	TEST(many_lines_a_second_are_gathered);
	TEST(lines_travel_with_an_answer);
	TEST(receiver_that_is_gone_neither_blocks_nor_loses_all);
	TEST(receiver_that_reads_nothing_does_not_block);
	TEST(child_does_not_send_its_parents_lines_again);
	TEST(fatal_ends_with_status_1_and_the_reason);
	unlink("sock");
	rmdir(dir);
	return test_end();
}
