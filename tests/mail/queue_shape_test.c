#include "mail/queue_list.h"
#include "mail/queue_shape.h"
#include "tests/test.h"
#include "util/buf.h"

enum { NOW = 1000000, MINUTE = 60 };

static void
add(struct queue_shape *q, const char *sender, const char *to, int minutes)
{
	struct queue_list_rcpt	rcpt = { to, "", "" };
	struct queue_list_entry e = { .queue = "deferred", .id = "A",
		.sender = sender, .arrival = NOW - minutes * MINUTE,
		.rcpt = &rcpt, .rcpt_count = 1 };

	queue_shape_add(q, &e, NOW);
}

static const char *
table(const struct queue_shape_options *o)
{
	static struct buf   out = BUF_INIT;
	struct queue_shape *q = queue_shape_new(o);

	add(q, "a@x.example", "b@far.example", 0);
	add(q, "", "b@FAR.example", 4);
	add(q, "a@x.example", "c@mail.far.example", 5);
	add(q, "a@x.example", "c@mail.far.example", 10);
	add(q, "local", "\"q@q\"@mail.far.example", 100000);
	buf_clear(&out);
	queue_shape_print(q, &out);
	queue_shape_free(q);
	return out.data;
}

static void
ages_are_doubled_and_the_last_is_open(void)
{
	struct queue_shape_options o = { .buckets = 3, .width = 34 };

	CHECK_STR(table(&o),
	    "                       T  5 10 10+\n"
	    "                TOTAL  5  2  1   2\n"
	    "     mail.far.example  3  0  1   2\n"
	    "          far.example  2  2  0   0\n");
}

static void
ages_may_be_of_equal_length(void)
{
	struct queue_shape_options o = { .buckets = 4, .width = 36,
		.linear = true, .first_minutes = 4 };

	CHECK_STR(table(&o),
	    "                      T  4  8 12 12+\n"
	    "               TOTAL  5  1  2  1   1\n"
	    "    mail.far.example  3  0  1  1   1\n"
	    "         far.example  2  1  1  0   0\n");
}

static void
senders_count_messages(void)
{
	struct queue_shape_options o = { .buckets = 1, .width = 24,
		.by_sender = true };

	CHECK_STR(table(&o),
	    "                    T  5\n"
	    "             TOTAL  5  5\n"
	    "         x.example  3  3\n"
	    "     MAILER-DAEMON  1  1\n"
	    "             local  1  1\n");
}

static void
parents_have_a_dot_and_enough_children(void)
{
	struct queue_shape_options o = { .buckets = 2, .width = 40,
		.parents = true, .parents_min = 2 };

	CHECK(strstr(table(&o), " .far.example ") == NULL);
	o.parents_min = 1;
	CHECK(strstr(table(&o), " .far.example  3  0  3\n") != NULL);
	CHECK(strstr(table(&o), " .example") == NULL);
}

static void
long_names_show_their_end(void)
{
	struct queue_shape_options o = { .buckets = 1, .width = 1 };
	struct queue_shape *q = queue_shape_new(&o);
	struct buf	    out = BUF_INIT;

	add(q, "", "x@a-very-long-name.example.com", 0);
	queue_shape_print(q, &out);
	CHECK(strstr(out.data, "+-name.example.com  1  1\n") != NULL);
	queue_shape_free(q);
	buf_done(&out);
}

int
main(void)
{
	TEST(ages_are_doubled_and_the_last_is_open);
	TEST(ages_may_be_of_equal_length);
	TEST(senders_count_messages);
	TEST(parents_have_a_dot_and_enough_children);
	TEST(long_names_show_their_end);
	return test_end();
}
