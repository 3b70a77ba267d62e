#include "postscreen/tests.c"
#include "tests/test.h"

static void
a_record_is_written_and_read(void)
{
	struct record r = { .until = { 5, 1700000000, 0, 7, 9 } }, again;
	struct buf    b = BUF_INIT;

	record_print(&b, &r);
	CHECK_STR(b.data, "5;1700000000;0;7;9");
	CHECK(record_parse(&again, b.data));
	CHECK(memcmp(&r, &again, sizeof r) == 0);
	buf_done(&b);
}

static void
a_short_record_has_nothing_of_the_rest(void)
{
	struct record r;

	CHECK(record_parse(&r, "5;6"));
	CHECK_INT(r.until[TEST_DNSBL], 6);
	CHECK_INT(r.until[TEST_PIPELINING], 0);
	CHECK(!record_parse(&r, ""));
	CHECK(!record_parse(&r, "x"));
	CHECK(!record_parse(&r, "1;2;3;4;5;6"));
	CHECK(!record_parse(&r, "1;-2"));
}

static void
tests_are_due_when_their_time_is_over(void)
{
	struct record r = { .until = { 100, 50, 0, 100, 100 } };

	CHECK_INT(record_due(&r, 3, 60), 1 << TEST_DNSBL);
	CHECK_INT(record_due(&r, 1, 60), 0);
	CHECK_INT(record_due(&r, 31, 101), 31);
	CHECK_INT(record_due(&r, 0, 101), 0);
}

static void
tests_that_were_never_passed_are_known(void)
{
	struct record r = { .until = { 100, RECORD_NOT_TESTED, 0, 100, 100 } };

	CHECK(!record_lacks(&r, 3));
	CHECK(record_lacks(&r, 1 << TEST_PIPELINING));
	CHECK_INT(record_due(&r, 3, 60), 1 << TEST_DNSBL);
}

static void
reads_sites(void)
{
	static const struct {
		const char *text, *domain, *filter;
		int	    weight;
	} rows[] = {
		{ "bl.example", "bl.example", NULL, 1 },
		{ "bl.example*3", "bl.example", NULL, 3 },
		{ "wl.example*-2", "wl.example", NULL, -2 },
		{ "bl.example=127.0.0.[2;4..8]*2", "bl.example",
		    "127.0.0.[2;4..8]", 2 },
		{ "bl.example*x", NULL, NULL, 0 },
		{ "bl.example*", NULL, NULL, 0 },
		{ "=127.0.0.1", NULL, NULL, 0 },
		{ "bl..example", NULL, NULL, 0 },
	};
	struct site s;
	const char *why;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool ok = site_parse(&s, rows[i].text, &why);

		CHECK(ok == (rows[i].domain != NULL));
		if (!ok)
			continue;
		CHECK_STR(s.domain, rows[i].domain);
		CHECK_INT(s.weight, rows[i].weight);
		CHECK(s.filter == NULL ? rows[i].filter == NULL :
		    strcmp(s.filter, rows[i].filter) == 0);
		mem_free(s.domain);
		mem_free(s.filter);
	}
}

static void
knows_actions(void)
{
	enum action a;

	CHECK(action_parse("ignore", &a) && a == ACTION_IGNORE);
	CHECK(action_parse("Enforce", &a) && a == ACTION_ENFORCE);
	CHECK(action_parse("drop", &a) && a == ACTION_DROP);
	CHECK(action_parse("continue", &a) && a == ACTION_IGNORE);
	CHECK(!action_parse("", &a));
}

int
main(void)
{
	TEST(a_record_is_written_and_read);
	TEST(a_short_record_has_nothing_of_the_rest);
	TEST(tests_are_due_when_their_time_is_over);
	TEST(tests_that_were_never_passed_are_known);
	TEST(reads_sites);
	TEST(knows_actions);
	return test_end();
}
