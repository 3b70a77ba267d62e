#include "mail/envelope.h"
#include "tests/test.h"
#include "util/frame.h"

/* As on the wire and in queue files: a change breaks what waits there. */
enum {
	KEY_SENDER = 2, KEY_ARRIVAL = 3, KEY_RCPT = 7,
	RCPT_KEY_ADDRESS = 1, RCPT_KEY_NOTIFY = 4,
};

static void
what_is_written_is_read(void)
{
	struct frame	f = FRAME_INIT;
	struct envelope e, got;

	envelope_init(&e);
	envelope_init(&got);
	e.queue_id = "ABC123";
	e.sender = "a@x.example";
	e.arrival_us = 1234567890123456;
	e.created_us = 1;
	e.flags = ENV_SMTPUTF8 | ENV_TRACED;
	e.uid = 4294967295u;
	envelope_set(&e, ATTR_HELO_NAME, "client.example");
	envelope_set(&e, ATTR_EXTRACT_NOTIFY, "");
	envelope_add_rcpt(&e, "b@x.example", "b", "rfc822;b", NOTIFY_NEVER);
	envelope_add_rcpt(&e, "c@x.example", "c@x.example", NULL, 0);
	envelope_write(&f, &e);

	CHECK(envelope_read(&f, &got));
	CHECK_STR(got.queue_id, "ABC123");
	CHECK_STR(got.sender, "a@x.example");
	CHECK(got.arrival_us == e.arrival_us && got.created_us == 1);
	CHECK(got.flags == e.flags && got.uid == e.uid);
	CHECK_STR(envelope_get(&got, ATTR_HELO_NAME), "client.example");
	CHECK_STR(envelope_get(&got, ATTR_SASL_SENDER), "");
	CHECK(got.attr[ATTR_EXTRACT_NOTIFY] != NULL);
	CHECK(got.attr[ATTR_SASL_SENDER] == NULL);
	CHECK_INT(got.rcpt_count, 2);
	CHECK_STR(got.rcpt[0].original, "b");
	CHECK_STR(got.rcpt[0].orcpt, "rfc822;b");
	CHECK_INT(got.rcpt[0].notify, NOTIFY_NEVER);
	CHECK_STR(got.rcpt[1].address, "c@x.example");
	CHECK_STR(got.rcpt[1].original, "c@x.example");
	CHECK_STR(got.rcpt[1].orcpt, "");
	frame_done(&f);
	envelope_done(&e);
	envelope_done(&got);
}

/* One attribute, or one of a recipient, of a frame. */
static bool
takes(uint16_t key, bool of_rcpt, const void *bytes, size_t len)
{
	struct frame	f = FRAME_INIT;
	struct envelope e;
	size_t		group = 0;
	bool		ok;

	envelope_init(&e);
	frame_begin(&f, 1);
	if (of_rcpt) {
		group = frame_open(&f, KEY_RCPT);
		if (key != RCPT_KEY_ADDRESS)
			frame_put_str(&f, RCPT_KEY_ADDRESS, "a@b");
	}
	frame_put(&f, key, bytes, len);
	if (of_rcpt)
		frame_close(&f, group);
	ok = envelope_read(&f, &e);
	envelope_done(&e);
	frame_done(&f);
	return ok;
}

static bool
takes_number(uint16_t key, bool of_rcpt, uint64_t n)
{
	return takes(key, of_rcpt, &n, sizeof n);
}

static void
what_is_too_long_or_no_text_is_damage(void)
{
	static char text[70000];

	memset(text, 'a', sizeof text);
	CHECK(takes(KEY_SENDER, false, "", 0));
	CHECK(takes(KEY_SENDER, false, "a@b", 3));
	CHECK(!takes(KEY_SENDER, false, "a\0b", 3));
	CHECK(!takes(KEY_SENDER, false, text, sizeof text));
	CHECK(takes(RCPT_KEY_ADDRESS, true, "a@b", 3));
	CHECK(!takes(RCPT_KEY_ADDRESS, true, "", 0));
	CHECK(!takes(RCPT_KEY_ADDRESS, true, text, sizeof text));
	CHECK(!takes(RCPT_KEY_ADDRESS, true, "a\0b", 3));
}

static void
numbers_are_whole_and_within_bounds(void)
{
	CHECK(takes_number(KEY_ARRIVAL, false, INT64_MAX));
	CHECK(!takes_number(KEY_ARRIVAL, false, (uint64_t)INT64_MAX + 1));
	CHECK(!takes(KEY_ARRIVAL, false, "1234567", 7));
	CHECK(takes_number(RCPT_KEY_NOTIFY, true, NOTIFY_NEVER));
	CHECK(!takes_number(RCPT_KEY_NOTIFY, true, 16));
	CHECK(!takes_number(RCPT_KEY_NOTIFY, true, UINT64_MAX));
}

static void
what_a_later_release_adds_is_passed_over(void)
{
	CHECK(takes(60000, false, "a\0b", 3));
	CHECK(takes(60000, true, "a\0b", 3));
}

static void
bytes_after_the_last_attribute_are_damage(void)
{
	struct frame	f = FRAME_INIT;
	struct envelope e;

	envelope_init(&e);
	frame_begin(&f, 1);
	frame_put_str(&f, KEY_SENDER, "a@b");
	CHECK(envelope_read(&f, &e));
	buf_addc(&f.bytes, 'x');
	CHECK(!envelope_read(&f, &e));
	frame_done(&f);
	envelope_done(&e);
}

int
main(void)
{
	TEST(what_is_written_is_read);
	TEST(what_is_too_long_or_no_text_is_damage);
	TEST(numbers_are_whole_and_within_bounds);
	TEST(what_a_later_release_adds_is_passed_over);
	TEST(bytes_after_the_last_attribute_are_damage);
	return test_end();
}
