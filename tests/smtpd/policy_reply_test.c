#include <string.h>

#include "smtpd/policy_reply.h"
#include "tests/test.h"

static enum policy_reply
parse(const char *text, struct str *action)
{
	const char *why;
	size_t	    used;

	return policy_reply_parse(text, strlen(text), action, &used, &why);
}

static void
replies_end_with_an_empty_line(void)
{
	static const struct {
		const char	 *text;
		enum policy_reply result;
		const char	 *action;
	} rows[] = {
		{ "action=DUNNO\n\n", POLICY_REPLY_OK, "DUNNO" },
		{ "action=DUNNO\r\n\r\n", POLICY_REPLY_OK, "DUNNO" },
		{ "action = REJECT  go away \n\n", POLICY_REPLY_OK,
		    "REJECT  go away" },
		{ "other=x\naction=OK\naction=REJECT\n\n", POLICY_REPLY_OK,
		    "OK" },
		{ "action=PREPEND X-A: b=c\n\nnext", POLICY_REPLY_OK,
		    "PREPEND X-A: b=c" },
		{ "action=DUNNO\n", POLICY_REPLY_MORE, NULL },
		{ "", POLICY_REPLY_MORE, NULL },
		{ "\n", POLICY_REPLY_BAD, NULL },
		{ "action=\n\n", POLICY_REPLY_OK, "" },
		{ "OK\n\n", POLICY_REPLY_BAD, NULL },
		{ "reply=OK\n\n", POLICY_REPLY_BAD, NULL },
	};
	struct str action;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK(parse(rows[i].text, &action) == rows[i].result);
		if (rows[i].action != NULL)
			CHECK(str_is(action, rows[i].action));
	}
}

static void
what_follows_is_left_for_the_next(void)
{
	static const char text[] = "action=OK\n\naction=REJECT\n\n";
	struct str	  action;
	const char	 *why;
	size_t		  used;

	CHECK(policy_reply_parse(text, strlen(text), &action, &used, &why) ==
	    POLICY_REPLY_OK);
	CHECK(used == 11);
}

static void
null_bytes_are_refused(void)
{
	struct str  action;
	const char *why;
	size_t	    used;

	CHECK(policy_reply_parse("action=O\0K\n\n", 12, &action, &used, &why)
	    == POLICY_REPLY_BAD);
}

int
main(void)
{
	TEST(replies_end_with_an_empty_line);
	TEST(what_follows_is_left_for_the_next);
	TEST(null_bytes_are_refused);
	return test_end();
}
