#include "smtp/content.h"
#include "tests/test.h"
#include "util/buf.h"

/* The same result whatever the pieces are that the text comes in. */
static void
check(const char *text, size_t limit, const char *want)
{
	size_t len = strlen(text);

	for (size_t piece = 1; piece <= len + 1; piece++) {
		struct buf out = BUF_INIT;
		size_t	   at_line = 0;

		for (size_t at = 0; at < len; at += piece)
			content_stuff(&out, text + at,
			    len - at < piece ? len - at : piece, limit,
			    &at_line);
		CHECK_STR(out.data, want);
		buf_done(&out);
	}
}

static void
doubles_a_dot_at_the_start_of_a_line(void)
{
	check(".\r\n", 0, "..\r\n");
	check("a.\r\n.b\r\n..\r\n", 998, "a.\r\n..b\r\n...\r\n");
	check("", 998, "");
}

static void
breaks_a_long_line(void)
{
	check("12345\r\n", 5, "12345\r\n");
	check("123456\r\n", 5, "12345\r\n 6\r\n");
	check("1234567890\r\n", 5, "12345\r\n 6789\r\n 0\r\n");
	check("12345\r\n.\r\n", 5, "12345\r\n..\r\n");
	check("12345.\r\n", 5, "12345\r\n .\r\n");
	check("12\r\n", 1, "1\r\n 2\r\n");
}

static void
a_dot_after_a_break_is_not_at_the_start_of_a_line(void)
{
	check("12345.2\r\nx\r\n", 5, "12345\r\n .2\r\nx\r\n");
}

int
main(void)
{
	TEST(doubles_a_dot_at_the_start_of_a_line);
	TEST(breaks_a_long_line);
	TEST(a_dot_after_a_break_is_not_at_the_start_of_a_line);
	return test_end();
}
