#include "mail/verp.h"
#include "tests/test.h"
#include "util/buf.h"

static void
a_sender_may_ask_for_one_a_recipient(void)
{
	static const struct {
		const char *in, *sender, *delimiters;	/* NULL: does not ask */
	} rows[] = {
		{ "list-@example.com-@[]", "list@example.com", "-=" },
		{ "list+@example.com-@[]", "list@example.com", "+=" },
		{ "l=@example.com-@[]", "l@example.com", "==" },
		{ "list@example.com-@[]", "lis@example.com", "t=" },
		{ "a-b@c@example.com-@[]", "a-@c@example.com", "b=" },
		{ "", NULL, NULL },
		{ "-@[]", NULL, NULL },
		{ "#@[]", NULL, NULL },
		{ "list-@[]", NULL, NULL },
		{ "-@example.com-@[]", NULL, NULL },
		{ "@example.com-@[]", NULL, NULL },
		{ "list-example.com-@[]", NULL, NULL },
		{ "list-@example.com", NULL, NULL },
		{ "list-@example.com-@[] ", NULL, NULL },
	};
	struct buf sender = BUF_INIT;
	char	   delimiters[VERP_DELIMITERS];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&sender);
		CHECK(verp_take(&sender, delimiters, rows[i].in) ==
		    (rows[i].sender != NULL));
		CHECK_STR(sender.data, rows[i].sender != NULL ?
		    rows[i].sender : "");
		if (rows[i].sender != NULL)
			CHECK_STR(delimiters, rows[i].delimiters);
	}
	buf_done(&sender);
}

static void
the_recipient_goes_into_the_sender(void)
{
	static const struct {
		const char *sender, *delimiters, *rcpt, *want;
	} rows[] = {
		{ "list@a.example", "+=", "u@b.example",
		    "list+u=b.example@a.example" },
		{ "list@a.example", "-=", "u", "list-u@a.example" },
		{ "list", "+=", "u@b.example", "list+u=b.example" },
	};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&b);
		verp_sender(&b, rows[i].sender, rows[i].delimiters,
		    rows[i].rcpt);
		CHECK_STR(b.data, rows[i].want);
	}
	buf_done(&b);
}

static void
delimiters_are_two_that_are_allowed(void)
{
	CHECK(verp_is_valid("+=", "-=+"));
	CHECK(!verp_is_valid("t=", "-=+"));
	CHECK(!verp_is_valid("+", "-=+"));
	CHECK(!verp_is_valid("+=-", "-=+"));
	CHECK(!verp_is_valid("", "-=+"));
}

int
main(void)
{
	TEST(a_sender_may_ask_for_one_a_recipient);
	TEST(the_recipient_goes_into_the_sender);
	TEST(delimiters_are_two_that_are_allowed);
	return test_end();
}
