#include <string.h>
#include <time.h>

#include "mail/verify_client.h"
#include "tests/test.h"

static const char *
sender(const char *address, int ttl)
{
	static struct buf	   b = BUF_INIT;
	const struct verify_sender v = { .address = address,
		.origin = "example.org", .ttl = ttl };

	buf_clear(&b);
	verify_sender(&b, &v);
	return b.data;
}

static void
the_sender_is_completed(void)
{
	CHECK_STR(sender("double-bounce", 0), "double-bounce@example.org");
	CHECK_STR(sender("probe@example.com", 0), "probe@example.com");
	CHECK_STR(sender("", 0), "");
	CHECK_STR(sender("<>", 0), "");
	CHECK_STR(sender("<>", 100), "");
}

static void
a_sender_with_a_time_changes_and_the_one_before_is_known(void)
{
	const struct verify_sender v = { .address = "probe",
		.origin = "example.org", .ttl = 1 };
	struct buf old = BUF_INIT;
	time_t	   t = time(NULL);

	verify_sender(&old, &v);
	CHECK(strncmp(old.data, "probe", 5) == 0);
	CHECK(strlen(old.data) > strlen("probe@example.org"));
	CHECK(verify_is_sender(old.data, &v));
	CHECK(!verify_is_sender("probe@example.org", &v));
	while (time(NULL) == t)
		;
	CHECK(verify_is_sender(old.data, &v));
	t += 2;
	while (time(NULL) < t)
		;
	CHECK(!verify_is_sender(old.data, &v));
	buf_done(&old);
}

static void
the_sender_is_known_without_regard_to_case(void)
{
	const struct verify_sender v = { .address = "double-bounce",
		.origin = "example.org" };
	const struct verify_sender none = { .address = "<>",
		.origin = "example.org" };

	CHECK(verify_is_sender("Double-Bounce@EXAMPLE.org", &v));
	CHECK(!verify_is_sender("double-bounce", &v));
	CHECK(!verify_is_sender("double-bounce@example.com", &v));
	CHECK(!verify_is_sender("", &none));
}

int
main(void)
{
	TEST(the_sender_is_completed);
	TEST(a_sender_with_a_time_changes_and_the_one_before_is_known);
	TEST(the_sender_is_known_without_regard_to_case);
	return test_end();
}
