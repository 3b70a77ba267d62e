#include <sys/wait.h>
#include <unistd.h>

#include "smtp/prepend.h"
#include "tests/test.h"
#include "util/buf.h"

static const char *
fields(const char *flags)
{
	static struct buf b = BUF_INIT;
	char		  copy[20];
	char		 *args[] = { copy, NULL };

	snprintf(copy, sizeof copy, "%s", flags);
	prepend_init(args);
	buf_clear(&b);
	prepend_fields(&b, "al ice@home.example", "list@a.example",
	    "bob@a.example");
	return b.data;
}

static void
letters_choose_fields(void)
{
	CHECK_STR(fields("flags="), "");
	CHECK_STR(fields("flags=X"), "");
	CHECK(prepend_is_final());
	CHECK_STR(fields("flags=R"),
	    "Return-Path: <\"al ice\"@home.example>\r\n");
	CHECK(!prepend_is_final());
	CHECK_STR(fields("flags=DORX"),
	    "Return-Path: <\"al ice\"@home.example>\r\n"
	    "X-Original-To: list@a.example\r\n"
	    "Delivered-To: bob@a.example\r\n");
}

static void
the_last_of_several_counts(void)
{
	char	   first[] = "flags=DX", second[] = "flags=O";
	char	  *args[] = { first, second, NULL };
	struct buf b = BUF_INIT;

	prepend_init(args);
	prepend_fields(&b, "", "a@a.example", "b@a.example");
	CHECK_STR(b.data, "X-Original-To: a@a.example\r\n");
	CHECK(!prepend_is_final());
	buf_done(&b);
}

static void
the_null_sender_has_a_path_too(void)
{
	char	   arg[] = "flags=R", *args[] = { arg, NULL };
	struct buf b = BUF_INIT;

	prepend_init(args);
	prepend_fields(&b, "", "a@a.example", "b@a.example");
	CHECK_STR(b.data, "Return-Path: <>\r\n");
	buf_done(&b);
}

/* In a child, since it is the end. */
static bool
is_refused(const char *arg)
{
	pid_t pid = fork();
	int   status = 0;

	if (pid == 0) {
		fclose(stderr);
		fields(arg);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void
what_makes_no_sense_ends_the_program(void)
{
	CHECK(is_refused("flags=DZ"));
	CHECK(is_refused("flag=D"));
	CHECK(is_refused("-o"));
	CHECK(!is_refused("flags=D"));
}

int
main(void)
{
	TEST(letters_choose_fields);
	TEST(the_last_of_several_counts);
	TEST(the_null_sender_has_a_path_too);
	TEST(what_makes_no_sense_ends_the_program);
	return test_end();
}
