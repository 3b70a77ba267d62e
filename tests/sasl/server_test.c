#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sasl/options.h"
#include "sasl/server.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/task.h"

/*
 * A Dovecot of three accounts: "good", "late" (temporary trouble), "gone"
 * (hangs up), in another process; anybody else is refused.
 */
static char path[108];

static void
answer(FILE *f, char *line)
{
	char	*verb = strtok(line, "\t"), *id = strtok(NULL, "\t"), *word;
	char	*mech = strtok(NULL, "\t");
	const char *said = strcmp(verb, "CONT") == 0 ? mech : NULL;

	while ((word = strtok(NULL, "\t")) != NULL)
		if (strncmp(word, "resp=", 5) == 0)
			said = word + 5;
	if (said == NULL)
		fprintf(f, "CONT\t%s\tVXNlcjo=\n", id);
	else if (strcmp(said, "good") == 0)
		fprintf(f, "OK\t77\tuser=other\nOK\t%s\tuser=go\001tod\n", id);
	else if (strcmp(said, "late") == 0)
		fprintf(f, "FAIL\t%s\tuser=late\ttemp\treason=so\nX\t1\n",
		    id);
	else if (strcmp(said, "gone") == 0)
		_exit(0);
	else if (strcmp(said, "nobody") == 0)
		fprintf(f, "OK\t%s\n", id);
	else
		fprintf(f, "FAIL\t%s\tuser=%s\n", id, said);
}

static void
serve(int fd)
{
	FILE *f = fdopen(fd, "r+");
	char  line[1000], *verb;

	setvbuf(f, NULL, _IONBF, 0);
	fprintf(f, "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\t"
	    "plaintext\nMECH\tCRAM-MD5\tactive\nSPID\t1\nDONE\n");
	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		verb = line;
		if (strncmp(verb, "AUTH", 4) != 0 &&
		    strncmp(verb, "CONT", 4) != 0)
			continue;
		answer(f, line);
	}
	_exit(0);
}

static pid_t
start_dovecot(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int		   fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t		   pid;

	snprintf(path, sizeof path, "/tmp/rohrpost-sasl-%ld", (long)getpid());
	strcpy(un.sun_path, path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&un, sizeof un) < 0 ||
	    listen(fd, 5) < 0)
		abort();
	if ((pid = fork()) != 0) {
		close(fd);
		return pid;
	}
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int one = accept(fd, NULL, NULL);

		if (one >= 0 && fork() == 0)
			serve(one);
		close(one);
	}
}

static int warned;

static void
warn(const char *text)
{
	(void)text;
	warned++;
}

static struct sasl_server *
open_server(const char *where)
{
	struct sasl_server_settings set = {
		.type = "dovecot", .path = where, .config_path = "",
		.service = "smtp", .hostname = "mx.example", .realm = "",
		.warn = warn,
	};
	const char *why = NULL;

	return sasl_server_open(&set, &why);
}

static const struct sasl_facts facts = {
	.client_ip = "192.0.2.1", .server_ip = "192.0.2.2",
};

static struct sasl_server *server;

static void
mechanisms_are_told_by_options(void)
{
	struct sasl_facts strict = facts;
	struct buf	  names = BUF_INIT;
	const char	 *why = NULL;

	CHECK(sasl_server_mechanisms(server, &facts, &names, &why));
	CHECK_STR(names.data, "PLAIN LOGIN CRAM-MD5");
	strict.options = SASL_NO_PLAINTEXT;
	CHECK(sasl_server_mechanisms(server, &strict, &names, &why));
	CHECK_STR(names.data, "CRAM-MD5");
	strict.options |= SASL_NO_ACTIVE;
	CHECK(!sasl_server_mechanisms(server, &strict, &names, &why));
	buf_done(&names);
}

static void
logins_end_as_dovecot_says(void)
{
	static const struct {
		const char	*mech, *initial;
		enum sasl_step	 step;
		const char	*user, *text;
	} rows[] = {
		{ "PLAIN", "good", SASL_STEP_DONE, "go?od", NULL },
		{ "plain", "good", SASL_STEP_DONE, "go?od", NULL },
		{ "PLAIN", "bad", SASL_STEP_REFUSED, "bad",
		    "(reason unavailable)" },
		{ "PLAIN", "late", SASL_STEP_LATER, "late", "so" },
		{ "PLAIN", "nobody", SASL_STEP_LATER, NULL,
		    "authentication server names no user" },
		{ "PLAIN", "a b", SASL_STEP_REFUSED, NULL,
		    "Invalid base64 data in initial response" },
		{ "PLAIN", "gone", SASL_STEP_LATER, NULL,
		    "Connection lost to authentication server" },
		{ "NTLM", NULL, SASL_STEP_REFUSED, NULL,
		    "Invalid authentication mechanism: 'NTLM'" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct sasl_login *l = sasl_login_new(server, &facts);

		CHECK_INT(sasl_login_begin(l, rows[i].mech, rows[i].initial),
		    rows[i].step);
		if (rows[i].user == NULL)
			CHECK(sasl_login_user(l) == NULL);
		else
			CHECK_STR(sasl_login_user(l), rows[i].user);
		if (rows[i].text != NULL)
			CHECK_STR(sasl_login_text(l), rows[i].text);
		sasl_login_free(l);
	}
}

static void
a_challenge_is_passed_on(void)
{
	struct sasl_login *l = sasl_login_new(server, &facts);

	CHECK_INT(sasl_login_begin(l, "LOGIN", NULL), SASL_STEP_MORE);
	CHECK_INT(sasl_login_go_on(l, "good"), SASL_STEP_DONE);
	sasl_login_free(l);
}

static void
a_lost_connection_ends_what_was_begun_on_it(void)
{
	struct sasl_login *old = sasl_login_new(server, &facts);
	struct sasl_login *l = sasl_login_new(server, &facts);

	CHECK_INT(sasl_login_begin(old, "CRAM-MD5", "x"), SASL_STEP_REFUSED);
	CHECK_INT(sasl_login_begin(l, "PLAIN", "gone"), SASL_STEP_LATER);
	sasl_login_free(l);
	l = sasl_login_new(server, &facts);
	CHECK_INT(sasl_login_begin(l, "PLAIN", "good"), SASL_STEP_DONE);
	CHECK_INT(sasl_login_go_on(old, "good"), SASL_STEP_LATER);
	sasl_login_free(old);
	sasl_login_free(l);
}

enum { AT_ONCE = 20 };
static int done_count, good_count;

static void
log_in(void *arg)
{
	struct sasl_login *l = sasl_login_new(server, &facts);
	char		   name[20];

	snprintf(name, sizeof name, "user%d", (int)(intptr_t)arg);
	if (sasl_login_begin(l, "PLAIN", name) == SASL_STEP_REFUSED &&
	    strcmp(sasl_login_user(l), name) == 0)
		good_count++;
	sasl_login_free(l);
	done_count++;
}

static void
each_of_many_gets_its_own_answer(void)
{
	for (int i = 0; i < AT_ONCE; i++)
		task_start("login", log_in, (void *)(intptr_t)i);
	while (done_count < AT_ONCE)
		task_sleep_ms(1);
	CHECK_INT(good_count, AT_ONCE);
}

static void
without_dovecot_logins_wait(void)
{
	static struct sasl_server *none;	/* lives as long as we do */
	struct sasl_login  *l;
	struct buf	    names = BUF_INIT;
	const char	   *why = NULL;

	none = open_server("unix:/nowhere/at/all");
	l = sasl_login_new(none, &facts);
	CHECK(!sasl_server_mechanisms(none, &facts, &names, &why));
	CHECK_STR(why, "SASL: Connect to Dovecot auth socket "
	    "'unix:/nowhere/at/all' failed: No such file or directory");
	CHECK_INT(sasl_login_begin(l, "PLAIN", "good"), SASL_STEP_LATER);
	CHECK_INT(warned, 1);	/* the second did not try again so soon */
	sasl_login_free(l);
	buf_done(&names);
}

static void
unknown_back_ends_are_refused(void)
{
	struct sasl_server_settings set = { .type = "gnu" };
	const char *why = NULL;

	CHECK(sasl_server_open(&set, &why) == NULL);
	CHECK_STR(why, "unsupported SASL server implementation");
}

static void
run_all(void *unused)
{
	(void)unused;
	TEST(mechanisms_are_told_by_options);
	TEST(logins_end_as_dovecot_says);
	TEST(a_challenge_is_passed_on);
	TEST(a_lost_connection_ends_what_was_begun_on_it);
	TEST(each_of_many_gets_its_own_answer);
	TEST(without_dovecot_logins_wait);
	TEST(unknown_back_ends_are_refused);
	task_stop();
}

int
main(void)
{
	pid_t dovecot = start_dovecot();

	server = open_server(path);
	task_start("tests", run_all, NULL);
	task_loop();
	kill(dovecot, SIGTERM);
	unlink(path);
	return test_end();
}
