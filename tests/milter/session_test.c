#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "milter/session.h"
#include "net/connect.h"
#include "tests/test.h"
#include "util/frame.h"

/*
 * The peer is a process that reads packets and answers each as a script says:
 * "O" options, '-' nothing, other letters themselves, "!" closes.
 */
static char where[64];
static pid_t peer;
static char last_warning[300];

static bool
read_packet(int fd, char *ret_type)
{
	unsigned char head[4], data[4096];
	size_t	      n = 0;

	if (read(fd, head, 4) != 4)
		return false;
	for (size_t len = (size_t)head[2] << 8 | head[3]; n < len;) {
		ssize_t got = read(fd, data + n, len - n);

		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	*ret_type = (char)data[0];
	return true;
}

static void
play(int fd, const char *script)
{
	static const char options[] = "\0\0\0\15O\0\0\0\6\0\0\1\377\0\0\0\0";
	char type, answer[5] = "\0\0\0\1";

	for (; *script != '\0' && *script != '!'; script++) {
		do {
			if (!read_packet(fd, &type))
				return;
		} while (type == 'D' || type == 'A');
		if (*script == 'O') {
			if (write(fd, options, sizeof options - 1) < 0)
				return;
		} else if (*script != '-') {
			answer[4] = *script;
			if (write(fd, answer, 5) < 0)
				return;
		}
	}
	if (*script != '!')
		while (read_packet(fd, &type))
			;
}

static void
start(const char *script)
{
	int listener, fd;

	snprintf(where, sizeof where, "unix:/tmp/milter_test.%d", getpid());
	listener = listen_unix(where + 5, 0600, 5);
	if (listener < 0 || (peer = fork()) < 0)
		exit(1);
	if (peer == 0) {
		/* the socket does not block: wait for the connection */
		while ((fd = accept(listener, NULL, NULL)) < 0)
			usleep(1000);
		play(fd, script);
		_exit(0);
	}
	close(listener);
}

static void
stop(void)
{
	kill(peer, SIGTERM);
	waitpid(peer, NULL, 0);
	unlink(where + 5);
}

static const char *
macro(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "i") == 0 ? "ID1" : NULL;
}

static void
warn(void *arg, const char *text)
{
	(void)arg;
	snprintf(last_warning, sizeof last_warning, "%s", text);
}

static const struct milter_owner owner = { macro, warn };
static struct milter_config config;

static struct milters *
open_milters(const char *action)
{
	const struct milter_settings defaults = {
		.default_action = action, .protocol = "6",
		.connect_timeout = 2, .command_timeout = 2,
		.content_timeout = 2,
	};
	const char *why;

	milter_list_free(config.list);
	config.list = milter_list_new(where, &defaults, &why);
	*last_warning = '\0';
	return milters_new(&config, &owner, NULL);
}

static struct milter_verdict
hello(struct milters *m)
{
	return milters_connect(m, "client", '4', 25, "192.0.2.1");
}

static void
an_objection_at_connect_stays(void)
{
	struct milters *m;

	start("Or");
	m = open_milters("tempfail");
	CHECK_INT(hello(m).action, MILTER_REFUSE);
	CHECK_STR(milters_helo(m, "x").text, "550 5.7.1 Command rejected");
	CHECK_INT(milters_other(m).action, MILTER_REFUSE);
	milters_free(m);
	stop();
}

static void
an_objection_to_a_recipient_does_not(void)
{
	struct milters	 *m;
	const char *const a = "<a@b>";

	start("Occcrc");
	m = open_milters("tempfail");
	CHECK_INT(hello(m).action, MILTER_GO_ON);
	CHECK_INT(milters_helo(m, "x").action, MILTER_GO_ON);
	CHECK_INT(milters_mail(m, &a, 1).action, MILTER_GO_ON);
	CHECK_INT(milters_rcpt(m, &a, 1, false).action, MILTER_REFUSE);
	CHECK_INT(milters_rcpt(m, &a, 1, false).action, MILTER_GO_ON);
	CHECK_INT(milters_other(m).action, MILTER_GO_ON);
	milters_free(m);
	stop();
}

static void
what_is_accepted_is_not_asked_about(void)
{
	struct milters	 *m;
	const char *const a = "<a@b>";

	start("Occar");
	m = open_milters("tempfail");
	hello(m);
	milters_helo(m, "x");
	CHECK_INT(milters_mail(m, &a, 1).action, MILTER_GO_ON);
	CHECK_INT(milters_rcpt(m, &a, 1, false).action, MILTER_GO_ON);
	milters_abort(m);
	CHECK_INT(milters_mail(m, &a, 1).action, MILTER_REFUSE);
	milters_free(m);
	stop();
}

static void
default_actions_stand_for_a_dead_milter(void)
{
	static const struct {
		const char	  *name;
		enum milter_action action;
	} rows[] = {
		{ "tempfail", MILTER_REFUSE }, { "reject", MILTER_REFUSE },
		{ "accept", MILTER_GO_ON }, { "quarantine", MILTER_HOLD },
		{ "shutdown", MILTER_HANG_UP }, { "nonsense", MILTER_REFUSE },
	};
	const char *const a = "<a@b>";

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct milters *m;

		start("Occ!");
		m = open_milters(rows[i].name);
		hello(m);
		milters_helo(m, "x");
		CHECK_INT(milters_mail(m, &a, 1).action, rows[i].action);
		CHECK_INT(milters_rcpt(m, &a, 1, false).action,
		    rows[i].action);
		CHECK(strstr(last_warning, "milter unix:") != NULL);
		milters_free(m);
		stop();
	}
}

static void
nobody_there_is_a_failure_too(void)
{
	struct milters *m;

	snprintf(where, sizeof where, "unix:/tmp/milter_test.none");
	m = open_milters("tempfail");
	CHECK_STR(hello(m).text,
	    "451 4.7.1 Service unavailable - try again later");
	CHECK_STR(last_warning, "connect to Milter service "
	    "unix:/tmp/milter_test.none: No such file or directory");
	milters_free(m);
}

static void
another_process_goes_on_with_the_socket(void)
{
	struct milters *m, *there;
	struct frame	f = FRAME_INIT;
	const char *const a = "<a@b>";
	int		fd;

	start("Occcr");
	m = open_milters("tempfail");
	hello(m);
	milters_helo(m, "x");
	frame_begin(&f, 1);
	CHECK(milters_pack(m, 0, &f, &fd) && fd >= 0);
	there = milters_new_remote(&owner, NULL);
	CHECK(milters_packed_fd(&f) && milters_unpack(there, &f, dup(fd)));
	CHECK_INT(milters_mail(there, &a, 1).action, MILTER_GO_ON);
	milters_leave(there);
	CHECK_INT(milters_rcpt(m, &a, 1, false).action, MILTER_REFUSE);
	CHECK(!milters_pack(m, 1, &f, &fd));
	/* a frame that makes no sense */
	there = milters_new_remote(&owner, NULL);
	frame_begin(&f, 1);
	CHECK(!milters_unpack(there, &f, -1));
	milters_free(there);
	frame_done(&f);
	milters_free(m);
	stop();
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	TEST(an_objection_at_connect_stays);
	TEST(an_objection_to_a_recipient_does_not);
	TEST(what_is_accepted_is_not_asked_about);
	TEST(default_actions_stand_for_a_dead_milter);
	TEST(nobody_there_is_a_failure_too);
	TEST(another_process_goes_on_with_the_socket);
	milter_list_free(config.list);
	return test_end();
}
