#include "qmgr/rate.c"
#include "tests/test.h"

static void
reads_a_number_and_a_period(void)
{
	static const struct {
		const char *text;
		uint32_t    limit;	/* 0: refused */
		int64_t	    ms;
	} rows[] = {
		{ "100/1h", 100, 3600000 }, { "5/s", 5, 1000 },
		{ "1/0.5s", 1, 500 }, { "10/30", 10, 30000 },
		{ "7/d", 7, 86400000 }, { "0/1h", 0, 0 }, { "5", 0, 0 },
		{ "-1/s", 0, 0 }, { "5/0s", 0, 0 }, { "5/", 5, 1000 },
		{ "100001/s", 0, 0 }, { "5/x", 0, 0 }, { "/s", 0, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint32_t limit = 0;
		int64_t	 ms = 0;

		rate_parse(rows[i].text, &limit, &ms);
		CHECK_INT(limit, rows[i].limit);
		CHECK_INT(ms, rows[i].ms);
	}
}

static void
never_lets_more_through_in_any_period(void)
{
	struct rate r = { 0 };
	int64_t	    taken[1000];
	int	    count = 0;

	rate_set(&r, 10, 1000);
	for (int64_t now = 0; now < 20000; now += 7) {
		if (rate_next(&r, now) > now)
			continue;
		rate_take(&r, now);
		taken[count++] = now;
	}
	CHECK(count >= 195);
	for (int i = 10; i < count; i++)
		CHECK(taken[i] - taken[i - 10] >= 1000);
	rate_done(&r);
}

static void
says_when_the_next_may_go(void)
{
	struct rate r = { 0 };

	CHECK_INT(rate_next(&r, 5), 5);		/* no limit */
	rate_set(&r, 2, 100);
	rate_take(&r, 10);
	CHECK_INT(rate_next(&r, 20), 20);
	rate_take(&r, 30);
	CHECK_INT(rate_next(&r, 40), 110);
	CHECK_INT(rate_next(&r, 110), 110);
	CHECK(!rate_is_idle(&r, 110));
	CHECK(rate_is_idle(&r, 130));
	rate_done(&r);
}

static void
takes_more_than_its_limit_when_told(void)
{
	struct rate r = { 0 };

	rate_set(&r, 2, 100);
	for (int64_t now = 1; now <= 5; now++)
		rate_take(&r, now);
	CHECK_INT(r.count, 2);
	CHECK_INT(rate_next(&r, 10), 104);
	rate_done(&r);
}

static void
keeps_the_newest_when_its_limit_changes(void)
{
	struct rate r = { 0 };

	rate_set(&r, 50, 1000);
	for (int64_t now = 0; now < 40; now++)
		rate_take(&r, now);
	rate_set(&r, 4, 1000);
	CHECK_INT(r.count, 4);
	CHECK_INT(rate_next(&r, 50), 1036);
	rate_set(&r, 100, 1000);
	CHECK_INT(rate_next(&r, 50), 50);
	for (int64_t now = 50; now < 146; now++)
		rate_take(&r, now);
	CHECK_INT(rate_next(&r, 146), 1036);
	rate_done(&r);
}

int
main(void)
{
	TEST(reads_a_number_and_a_period);
	TEST(never_lets_more_through_in_any_period);
	TEST(says_when_the_next_may_go);
	TEST(takes_more_than_its_limit_when_told);
	TEST(keeps_the_newest_when_its_limit_changes);
	return test_end();
}
