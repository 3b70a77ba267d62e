#include "mail/header.h"
#include "mail/why.h"
#include "tests/test.h"

static void
finds_fields_whatever_their_case(void)
{
	CHECK_INT(header_find(STR("From"))->id, HEADER_FROM);
	CHECK_INT(header_find(STR("fROM"))->id, HEADER_FROM);
	CHECK_INT(header_find(STR("MESSAGE-ID"))->id, HEADER_MESSAGE_ID);
	CHECK_INT(header_find(STR("apparently-to"))->id,
	    HEADER_APPARENTLY_TO);
	CHECK_INT(header_find(STR("to"))->id, HEADER_TO);
	CHECK(header_find(STR("Fro")) == NULL);
	CHECK(header_find(STR("Froms")) == NULL);
	CHECK(header_find(STR("X-Test")) == NULL);
	CHECK(header_find((struct str){ "", 0 }) == NULL);
	CHECK(header_find((struct str){ "Cc\0", 3 }) == NULL);
}

/* Which canonical maps and masquerade_classes apply.  What its name promises
 * of Resent-Reply-To is not what Postfix does. */
static void
knows_whose_addresses_fields_hold(void)
{
	CHECK_INT(header_find(STR("Reply-To"))->flags, HEADER_IS_SENDER);
	CHECK_INT(header_find(STR("Resent-Sender"))->flags,
	    HEADER_IS_SENDER | HEADER_IS_RESENT);
	CHECK_INT(header_find(STR("Resent-Reply-To"))->flags,
	    HEADER_IS_RECIPIENT | HEADER_IS_RESENT);
}

static void
knows_where_a_name_ends(void)
{
	static const struct {
		const char *line;
		size_t	    len;
	} t[] = {
		{ "Subject: x", 7 }, { "Subject:x", 7 }, { "Subject : x", 7 },
		{ "Subject\t :", 7 }, { ":x", 0 }, { "no header", 0 },
		{ "", 0 }, { " x: y", 0 }, { "From nobody: x", 0 },
		{ "S\303\244:x", 0 }, { "Subject", 0 }, { "a:", 1 },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		CHECK_INT(header_name_len(t[i].line, strlen(t[i].line)),
		    t[i].len);
}

static void
parses_status_codes(void)
{
	char dsn[12];

	CHECK_INT(dsn_parse("5.1.1 no such user", dsn), 5);
	CHECK_STR(dsn, "5.1.1");
	CHECK_INT(dsn_parse("4.123.999", dsn), 9);
	CHECK_INT(dsn_parse("3.1.1 x", dsn), 0);
	CHECK_INT(dsn_parse("5.1 x", dsn), 0);
	CHECK_INT(dsn_parse("5.1.1x", dsn), 0);
	CHECK_INT(dsn_parse("5.1.1234", dsn), 0);
	CHECK_INT(dsn_parse("", dsn), 0);
	CHECK(dsn_is_valid("2.0.0"));
	CHECK(!dsn_is_valid("2.0.0 "));
}

static void
the_class_of_a_code_is_the_outcome(void)
{
	struct why w = WHY_INIT, copy = WHY_INIT;

	CHECK_INT(why_outcome(&w), TRY_LATER);
	why_set(&w, "5.1.1", "user %s", "x");
	CHECK_INT(why_outcome(&w), FAILED);
	why_copy(&copy, &w);
	CHECK_STR(copy.text.data, "user x");
	why_set(&w, "2.0.0", "ok");
	CHECK_INT(why_outcome(&w), DONE);
	CHECK_STR(copy.dsn, "5.1.1");
	why_done(&w);
	why_done(&copy);
}

int
main(void)
{
	TEST(finds_fields_whatever_their_case);
	TEST(knows_whose_addresses_fields_hold);
	TEST(knows_where_a_name_ends);
	TEST(parses_status_codes);
	TEST(the_class_of_a_code_is_the_outcome);
	return test_end();
}
