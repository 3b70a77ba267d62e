#include "qmgr/policy.c"
#include "tests/test.h"

static const struct window_rules usual = {
	.initial = 5, .limit = 20, .cohort_limit = 1,
	.positive = { .amount = 1 }, .negative = { .amount = 1 },
};

static void
feedback_has_three_styles(void)
{
	struct feedback f;

	CHECK(feedback_parse("1", &f) && f.style == FEEDBACK_FIXED);
	CHECK(feedback_parse("0.5/concurrency", &f) &&
	    f.style == FEEDBACK_LINEAR && f.amount == 0.5);
	CHECK(feedback_parse("1 / sqrt_concurrency", &f) &&
	    f.style == FEEDBACK_SQUARE_ROOT);
}

static void
bad_feedback_is_refused(void)
{
	static const char *const bad[] = { "", "x", "2", "-1", "1/", "1/n",
		"1 concurrency", "nan" };
	struct feedback f;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!feedback_parse(bad[i], &f));
}

static void
a_window_grows_to_its_limit_while_it_is_used(void)
{
	struct window w;

	window_start(&w, &usual);
	CHECK_INT(w.size, 5);
	for (int i = 0; i < 100; i++)
		window_success(&w, &usual, w.size);
	CHECK_INT(w.size, 20);
}

static void
a_window_does_not_grow_when_idle(void)
{
	struct window w;

	window_start(&w, &usual);
	for (int i = 0; i < 100; i++)
		window_success(&w, &usual, 1);
	CHECK_INT(w.size, 6);
}

static void
linear_feedback_adds_one_a_cohort(void)
{
	struct window_rules rules = usual;
	struct window w;

	rules.positive = (struct feedback){ 1, FEEDBACK_LINEAR };
	window_start(&w, &rules);
	for (int i = 0; i < 5; i++)
		window_success(&w, &rules, w.size);
	CHECK_INT(w.size, 6);
}

static void
a_failed_cohort_kills_the_destination(void)
{
	struct window w;
	int	      n = 1;

	window_start(&w, &usual);
	while (!window_failure(&w, &usual))
		n++;
	CHECK(n <= 5);
	CHECK_INT(w.size, 0);
}

/* Of a destination that takes one delivery at a time, one is a cohort. */
static void
one_at_a_time_is_dead_at_once(void)
{
	struct window_rules rules = usual;
	struct window	    w;

	rules.limit = 1;
	window_start(&w, &rules);
	CHECK(window_failure(&w, &rules));
	rules.cohort_limit = 2;
	window_start(&w, &rules);
	CHECK(!window_failure(&w, &rules));
	CHECK(window_failure(&w, &rules));
}

static void
success_forgets_failures(void)
{
	struct window w;

	window_start(&w, &usual);
	for (int i = 0; i < 50; i++) {
		CHECK(!window_failure(&w, &usual));
		window_success(&w, &usual, w.size);
	}
}

static void
the_first_failure_of_a_series_counts_at_once(void)
{
	struct window_rules rules = usual;
	struct window w;

	rules.negative = (struct feedback){ 1, FEEDBACK_LINEAR };
	rules.cohort_limit = 10;
	rules.initial = 10;
	window_start(&w, &rules);
	CHECK(!window_failure(&w, &rules));
	CHECK_INT(w.size, 9);
	CHECK(!window_failure(&w, &rules));
	CHECK_INT(w.size, 9);
}

static void
retries_wait_as_long_as_the_message_is_old(void)
{
	CHECK_INT(retry_delay(0, 300, 4000), 300);
	CHECK_INT(retry_delay(1000, 300, 4000), 1000);
	CHECK_INT(retry_delay(99999, 300, 4000), 4000);
}

static void
a_large_message_earns_slots(void)
{
	const struct slot_rules rules = { 5, 3, 50, 3 };
	struct slots s = { .waiting = 100 };

	CHECK(slots_worth_a_look(&s, &rules));
	CHECK_INT(slots_now(&s, &rules), 0);
	CHECK_INT(slots_ever(&s, &rules), 20);
	s.waiting = 50, s.begun = 50, s.spent = 4;
	CHECK_INT(slots_now(&s, &rules), 6);
	CHECK_INT(slots_ever(&s, &rules), 16);
}

static void
a_small_message_is_left_alone(void)
{
	const struct slot_rules rules = { 5, 3, 50, 3 };
	struct slots s = { .waiting = 14 };

	CHECK(!slots_worth_a_look(&s, &rules));
}

static void
loan_and_discount_come_in_advance(void)
{
	const struct slot_rules rules = { 5, 3, 50, 3 };
	const struct slot_rules strict = { 5, 0, 0, 3 };
	struct slots s = { .waiting = 1000 };

	CHECK(slots_may(&s, &rules, 1));
	CHECK(slots_may(&s, &rules, 6));
	CHECK(!slots_may(&s, &rules, 20));
	CHECK(!slots_may(&s, &strict, 1));
	s.begun = 5;
	CHECK(slots_may(&s, &strict, 1));
	CHECK(!slots_could(&s, &rules, 202));
}

static void
no_slots_without_a_cost(void)
{
	const struct slot_rules rules = { 0, 3, 50, 3 };
	struct slots s = { .waiting = 1000, .begun = 1000 };

	CHECK(!slots_worth_a_look(&s, &rules));
	CHECK(!slots_may(&s, &rules, 1));
}

int
main(void)
{
	TEST(feedback_has_three_styles);
	TEST(bad_feedback_is_refused);
	TEST(a_window_grows_to_its_limit_while_it_is_used);
	TEST(a_window_does_not_grow_when_idle);
	TEST(linear_feedback_adds_one_a_cohort);
	TEST(a_failed_cohort_kills_the_destination);
	TEST(one_at_a_time_is_dead_at_once);
	TEST(success_forgets_failures);
	TEST(the_first_failure_of_a_series_counts_at_once);
	TEST(retries_wait_as_long_as_the_message_is_old);
	TEST(a_large_message_earns_slots);
	TEST(a_small_message_is_left_alone);
	TEST(loan_and_discount_come_in_advance);
	TEST(no_slots_without_a_cost);
	return test_end();
}
