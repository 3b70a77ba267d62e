#include "smtp/reply.h"
#include "tests/test.h"

static enum reply_line
add(struct reply *r, const char *line)
{
	return reply_add_line(r, line, strlen(line));
}

static void
takes_a_reply_of_one_line(void)
{
	struct reply r = REPLY_INIT;

	CHECK(add(&r, "250 2.1.5 Ok") == REPLY_LAST);
	CHECK_INT(r.code, 250);
	CHECK_STR(r.dsn, "2.1.5");
	CHECK_STR(r.text.data, "250 2.1.5 Ok");
	reply_done(&r);
}

static void
joins_the_lines_of_a_longer_one(void)
{
	struct reply r = REPLY_INIT;

	CHECK(add(&r, "250-2.6.0 stored") == REPLY_MORE);
	CHECK(add(&r, "250 2.6.0 as number 7") == REPLY_LAST);
	CHECK_STR(r.dsn, "2.6.0");
	CHECK_STR(r.text.data, "250-2.6.0 stored 250 2.6.0 as number 7");
	reply_done(&r);
}

static void
makes_a_status_code_where_none_fits(void)
{
	static const struct {
		const char *line, *dsn;
	} cases[] = {
		{ "554 no data at all", "5.0.0" },
		{ "550 4.1.1 which", "5.0.0" },
		{ "451", "4.0.0" },
		{ "451 ", "4.0.0" },
		{ "550 5.1.1", "5.1.1" },
		{ "550 5.1.1.1 x", "5.0.0" },
		{ "250 ok", "2.0.0" },
		{ "100 odd", "5.5.0" },
		{ "354 3.0.0 go on", "5.5.0" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct reply r = REPLY_INIT;

		CHECK(add(&r, cases[i].line) == REPLY_LAST);
		CHECK_STR(r.dsn, cases[i].dsn);
		reply_done(&r);
	}
}

static void
knows_what_is_no_reply_line(void)
{
	static const char *const lines[] = {
		"hello there", "", "25", "2500 x", "25x ok", "250_ok",
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct reply r = REPLY_INIT;

		CHECK(add(&r, lines[i]) == REPLY_JUNK);
		CHECK(add(&r, "503 5.5.1 No recipients") == REPLY_LAST);
		CHECK_INT(r.code, 503);
		reply_done(&r);
	}
}

static void
shows_junk_in_front_of_the_reply(void)
{
	struct reply r = REPLY_INIT;

	add(&r, "hello there");
	add(&r, "503 5.5.1 No recipients");
	CHECK_STR(r.text.data, "hello there 503 5.5.1 No recipients");
	reply_done(&r);
}

static void
replaces_control_bytes(void)
{
	struct reply r = REPLY_INIT;

	reply_add_line(&r, "550 a\0b\033[1m", 11);
	CHECK_STR(r.text.data, "550 a?b?[1m");
	reply_done(&r);
}

static void
bounds_its_text(void)
{
	struct reply r = REPLY_INIT;
	char line[3000];

	memset(line, 'x', sizeof line);
	memcpy(line, "550-", 4);
	for (int i = 0; i < 100; i++)
		reply_add_line(&r, line, sizeof line);
	CHECK(r.text.len <= REPLY_TEXT_MAX);
	CHECK_INT(r.lines, 100);
	reply_done(&r);
}

static void
begins_anew(void)
{
	struct reply r = REPLY_INIT;

	add(&r, "550 5.1.1 no");
	reply_begin(&r);
	add(&r, "250 ok");
	CHECK_INT(r.code, 250);
	CHECK_STR(r.dsn, "2.0.0");
	CHECK_STR(r.text.data, "250 ok");
	reply_done(&r);
}

int
main(void)
{
	TEST(takes_a_reply_of_one_line);
	TEST(joins_the_lines_of_a_longer_one);
	TEST(makes_a_status_code_where_none_fits);
	TEST(knows_what_is_no_reply_line);
	TEST(shows_junk_in_front_of_the_reply);
	TEST(replaces_control_bytes);
	TEST(bounds_its_text);
	TEST(begins_anew);
	return test_end();
}
