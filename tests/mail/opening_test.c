#include <stdbool.h>

#include "mail/opening.c"
#include "tests/test.h"
#include "util/buf.h"

static void
collect(void *arg, const void *bytes, size_t len)
{
	buf_add(arg, bytes, len);
}

static void
only_the_first_lines_are_changed(void)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "Subject: x\r\nFrom me\r\n", "Subject: x\r\nFrom me\r\n" },
		{ "From a b\r\nSubject: x\r\n",
		    "X-Mailbox-Line: From a b\r\nSubject: x\r\n" },
		{ ">>from a\r\nFrom b\r\nFrom: c\r\nFrom d\r\n",
		    "X-Mailbox-Line: >>from a\r\nX-Mailbox-Line: From b\r\n"
		    "From: c\r\nFrom d\r\n" },
		{ "From: x\r\n", "From: x\r\n" },
		{ "Fro", "Fro" },
		{ ">>x", ">>x" },
		{ " text\r\n", "\r\n text\r\n" },
		{ "\ttext\r\n", "\r\n\ttext\r\n" },
		{ "> text\r\n", "> text\r\n" },
		{ "\r\ntext\r\n", "\r\ntext\r\n" },
		{ "", "" },
	};
	struct buf     out = BUF_INIT;
	struct opening o;
	size_t	       n;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t step = 1; step < 20; step++) {
			buf_clear(&out);
			opening_init(&o, collect, &out);
			for (const char *p = rows[i].in; *p != '\0'; p += n) {
				n = strlen(p) < step ? strlen(p) : step;
				opening_feed(&o, p, n);
			}
			opening_finish(&o);
			CHECK_STR(out.data, rows[i].out);
		}
	buf_done(&out);
}

int
main(void)
{
	TEST(only_the_first_lines_are_changed);
	return test_end();
}
