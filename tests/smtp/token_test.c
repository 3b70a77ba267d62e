#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/connect.h"
#include "smtp/token.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/mem.h"

static char dir[] = "/tmp/rohrpost-token-XXXXXX";

static const char *
put(const char *name, const char *text, size_t len)
{
	static char where[200];
	FILE	   *f;

	snprintf(where, sizeof where, "file:%s/%s", dir, name);
	f = fopen(where + 5, "w");
	fwrite(text, 1, len, f);
	fclose(f);
	return where;
}

static void
check(const char *where, const char *want)
{
	struct buf  b = BUF_INIT;
	const char *why = NULL;
	bool	    ok = token_read(where, "me", &b, &why);

	if (want == NULL) {
		CHECK(!ok);
		CHECK(why != NULL);
	} else {
		CHECK(ok);
		CHECK_STR(b.data, want);
	}
	buf_done(&b);
}

static void
the_first_line_of_a_file_is_the_token(void)
{
	check(put("a", "ya29.a-b_c~+/=", 14), "ya29.a-b_c~+/=");
	check(put("a", "abc\n", 4), "abc");
	check(put("a", "abc\r\nmore\n", 10), "abc");
}

static void
what_is_no_token_is_refused(void)
{
	char *big = mem_zalloc(20000);

	check(put("a", "", 0), NULL);
	check(put("a", "\nabc\n", 5), NULL);
	check(put("a", "a b\n", 4), NULL);
	check(put("a", "a\001b\n", 4), NULL);
	check(put("a", "a\303\244\n", 4), NULL);
	check("file:/nowhere/at/all", NULL);
	check("file:/tmp", NULL);
	check("/etc/passwd", NULL);
	check("", NULL);
	memset(big, 'x', 20000);
	check(put("a", big, 20000), NULL);
	mem_free(big);
}

static void
a_service_is_asked_by_user(void)
{
	char  where[200];
	int   fd, c;
	pid_t pid;

	snprintf(where, sizeof where, "service:%s/socket", dir);
	fd = listen_unix(where + 8, 0600, 5);
	CHECK(fd >= 0);
	if ((pid = fork()) == 0) {
		char line[10] = "";

		fcntl(fd, F_SETFL, 0);
		c = accept(fd, NULL, NULL);
		if (read(c, line, sizeof line - 1) == 3 &&
		    strcmp(line, "me\n") == 0 && write(c, "tok\n", 4) == 4)
			close(c);
		/* the next gets no answer */
		c = accept(fd, NULL, NULL);
		_exit(0);
	}
	close(fd);
	check(where, "tok");
	check(where, NULL);
	waitpid(pid, NULL, 0);
	check(where, NULL);
}

int
main(void)
{
	char command[100];

	signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(dir) == NULL)
		return 1;
	TEST(the_first_line_of_a_file_is_the_token);
	TEST(what_is_no_token_is_refused);
	TEST(a_service_is_asked_by_user);
	snprintf(command, sizeof command, "rm -r %s", dir);
	return system(command) != 0 || test_end();
}
