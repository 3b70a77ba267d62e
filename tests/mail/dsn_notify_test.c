#include "mail/dsn_notify.h"
#include "mail/envelope.h"
#include "tests/test.h"

static void
words_are_known_in_any_case(void)
{
	CHECK_INT(dsn_notify_bit(str_of("NEVER")), NOTIFY_NEVER);
	CHECK_INT(dsn_notify_bit(str_of("success")), NOTIFY_SUCCESS);
	CHECK_INT(dsn_notify_bit(str_of("Failure")), NOTIFY_FAILURE);
	CHECK_INT(dsn_notify_bit((struct str){ "DELAYED", 5 }), NOTIFY_DELAY);
	CHECK_INT(dsn_notify_bit(str_of("DELAYED")), 0);
	CHECK_INT(dsn_notify_bit(str_of("")), 0);
}

static void
never_stands_alone(void)
{
	CHECK(dsn_notify_is_sound(NOTIFY_NEVER));
	CHECK(dsn_notify_is_sound(NOTIFY_SUCCESS | NOTIFY_DELAY));
	CHECK(!dsn_notify_is_sound(NOTIFY_NEVER | NOTIFY_DELAY));
	CHECK(!dsn_notify_is_sound(0));
}

static void
a_list_has_commas_between(void)
{
	struct buf b = BUF_INIT;

	dsn_notify_add(&b, 0);
	CHECK_STR(b.data, "");
	dsn_notify_add(&b, NOTIFY_NEVER);
	CHECK_STR(b.data, "NEVER");
	buf_clear(&b);
	dsn_notify_add(&b, NOTIFY_DELAY | NOTIFY_SUCCESS | NOTIFY_FAILURE);
	CHECK_STR(b.data, "SUCCESS,FAILURE,DELAY");
	buf_done(&b);
}

int
main(void)
{
	TEST(words_are_known_in_any_case);
	TEST(never_stands_alone);
	TEST(a_list_has_commas_between);
	return test_end();
}
