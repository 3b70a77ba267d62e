#include "mail/content.c"
#include "tests/test.h"
#include "util/buf.h"

static void
collect(void *arg, const void *bytes, size_t len)
{
	buf_add(arg, bytes, len);
}

/*
 * Feeds `in` in pieces of `step` bytes; "|" is added to the result where the
 * end was seen, then what was left over.
 */
static void
feed(struct buf *out, const char *in, size_t len, size_t step, bool dots,
    bool strict)
{
	struct content c;
	size_t	       at = 0, n;
	bool	       end = false;

	buf_clear(out);
	content_init(&c, dots, strict, collect, out);
	while (at < len && !end) {
		n = len - at < step ? len - at : step;
		at += content_feed(&c, in + at, n, &end);
	}
	if (!dots)
		content_finish(&c);
	if (end) {
		buf_addc(out, '|');
		buf_add(out, in + at, len - at);
	}
}

struct row {
	const char *in, *out;
};

static void
check_rows(const struct row *rows, size_t count, bool dots, bool strict)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < count; i++)
		for (size_t step = 1; step < 40; step++) {
			feed(&out, rows[i].in, strlen(rows[i].in), step, dots,
			    strict);
			CHECK_STR(out.data, rows[i].out);
			if (!test_ok)
				printf("# row %zu step %zu\n", i, step);
		}
	buf_done(&out);
}

#define ROWS(rows, dots, strict) \
	check_rows(rows, sizeof rows / sizeof *rows, dots, strict)

static void
plain_lines_pass_and_dots_lose_one(void)
{
	static const struct row rows[] = {
		{ "a\r\nb\r\n.\r\nQUIT\r\n", "a\r\nb\r\n|QUIT\r\n" },
		{ ".\r\n", "|" },
		{ "\r\n.\r\n", "\r\n|" },
		{ "..\r\n..a\r\n...\r\n.b\r\n.\r\n", ".\r\n.a\r\n..\r\nb\r\n|" },
		{ "a.\r\n.\r\n", "a.\r\n|" },
		{ ".\rQUIT\r\n.\r\n", "\rQUIT\r\n|" },
	};

	ROWS(rows, true, false);
	ROWS(rows, true, true);
}

static void
a_loose_session_takes_bare_newlines(void)
{
	static const struct row rows[] = {
		{ "x\n.\nrest", "x\r\n|rest" },
		{ "x\n.\r\nrest", "x\r\n|rest" },
		{ "x\r\n.\nrest", "x\r\n|rest" },
		{ "x\r\n.\r\r\nrest", "x\r\n|rest" },
		{ "two crs\r\r\nend\r\n.\r\n", "two crs\r\nend\r\n|" },
		{ "x\r.\r\r\n.\r\n", "x\r.\r\n|" },
	};

	ROWS(rows, true, false);
}

static void
a_strict_session_ends_only_with_crlf_dot_crlf(void)
{
	static const struct row rows[] = {
		{ "a\n.\nb\n.\r\nc\n..\nd\r\n.\r\n",
		    "a\r\nb\r\nc\r\n.\r\nd\r\n|" },
		{ "e\r\n.\nf\r\n.\r\r\ng\r\n.\r\n",
		    "e\r\nf\r\n\r\r\ng\r\n|" },
		{ "x\r\r\n.\r\n", "x\r\r\n|" },
	};

	ROWS(rows, true, true);
}

static void
chunks_have_no_dots_and_get_a_last_newline(void)
{
	static const struct row rows[] = {
		{ ".\r\n..\r\nend\r\n", ".\r\n..\r\nend\r\n" },
		{ "ab\ncd", "ab\r\ncd\r\n" },
		{ "ab\r", "ab\r\n" },
		{ "", "" },
	};

	ROWS(rows, false, false);
}

static void
bare_newlines_are_noticed(void)
{
	struct content c;
	struct buf     out = BUF_INIT;
	bool	       end;

	content_init(&c, true, true, collect, &out);
	content_feed(&c, "a\r\nb\r\n", 6, &end);
	CHECK(!c.got_bare_lf);
	content_feed(&c, "a\nb\r\n", 5, &end);
	CHECK(c.got_bare_lf);
	buf_done(&out);
}

int
main(void)
{
	TEST(plain_lines_pass_and_dots_lose_one);
	TEST(a_loose_session_takes_bare_newlines);
	TEST(a_strict_session_ends_only_with_crlf_dot_crlf);
	TEST(chunks_have_no_dots_and_get_a_last_newline);
	TEST(bare_newlines_are_noticed);
	return test_end();
}
