#include "milter/protocol.h"
#include "tests/test.h"

static void
a_packet_is_length_type_and_data(void)
{
	struct buf b = BUF_INIT;

	milter_put(&b, MILTER_BODY, "xyz", 3);
	CHECK(b.len == 8 && memcmp(b.data, "\0\0\0\4Bxyz", 8) == 0);
	buf_done(&b);
}

static void
options_offer_version_and_bits(void)
{
	struct buf b = BUF_INIT;

	milter_put_options(&b, 6, MILTER_MAY_ALL, 0x1fffff);
	CHECK(b.len == 17 && memcmp(b.data, "\0\0\0\15O\0\0\0\6\0\0\1\377"
	    "\0\37\377\377", 17) == 0);
	buf_done(&b);
}

static void
a_client_on_a_socket_has_no_address(void)
{
	struct buf b = BUF_INIT;

	milter_put_connect(&b, "localhost", 'U', 0, "");
	CHECK_INT(b.len, 4 + 1 + 10 + 1);
	buf_clear(&b);
	milter_put_connect(&b, "h", '4', 25, "192.0.2.1");
	CHECK(memcmp(b.data + 4, "Ch\0" "4\0\31" "192.0.2.1", 16) == 0);
	buf_done(&b);
}

static void
header_lines_are_separated_by_lf(void)
{
	struct buf b = BUF_INIT;

	milter_put_header(&b, STR("X"), STR(" a\r\n b"), false);
	CHECK(memcmp(b.data + 4, "LX\0a\n b", 8) == 0);
	buf_clear(&b);
	milter_put_header(&b, STR("X"), STR(" a\r\n b"), true);
	CHECK(memcmp(b.data + 4, "LX\0 a\n b", 9) == 0);
	buf_clear(&b);
	milter_put_header(&b, STR("X"), STR("a\rb\r"), false);
	CHECK(memcmp(b.data + 4, "LX\0a\rb\r", 8) == 0);
	buf_done(&b);
}

static void
answers_give_their_parts(void)
{
	struct milter_answer a;

	CHECK(milter_parse('h', "X-A\0v", 6, &a));
	CHECK_STR(a.name, "X-A");
	CHECK_STR(a.value, "v");
	CHECK(milter_parse('i', "\0\0\0\2N\0v w", 10, &a));
	CHECK_INT(a.index, 2);
	CHECK_STR(a.value, "v w");
	CHECK(milter_parse('m', "\0\0\0\1N\0", 7, &a));
	CHECK_STR(a.value, "");
	CHECK(milter_parse('2', "<a@b>\0NOTIFY=NEVER", 19, &a));
	CHECK_STR(a.name, "<a@b>");
	CHECK_STR(a.value, "NOTIFY=NEVER");
	CHECK(milter_parse('b', "ab\0c", 4, &a) && a.body.n == 4);
}

static void
an_option_answer_may_have_lists_of_macros(void)
{
	struct milter_answer a;
	static const char    bytes[] = "\0\0\0\6\0\0\1\377\0\0\0\0"
	    "\0\0\0\2i j\0\0\0\0\5{x}";

	CHECK(milter_parse('O', bytes, sizeof bytes, &a));
	CHECK_INT(a.version, 6);
	CHECK_INT(a.actions, 0x1ff);
	CHECK_STR(a.symbols[MILTER_STAGE_MAIL], "i j");
	CHECK_STR(a.symbols[MILTER_STAGE_EOM], "{x}");
	CHECK(a.symbols[MILTER_STAGE_RCPT] == NULL);
}

static void
short_packets_are_malformed(void)
{
	struct milter_answer a;

	CHECK(!milter_parse('O', "\0\0\0\6", 4, &a));
	CHECK(!milter_parse('i', "\0\0\0", 3, &a));
	CHECK(!milter_parse('i', "\0\0\0\1", 4, &a));
	CHECK(!milter_parse('h', "", 0, &a));
	CHECK(!milter_parse('+', "", 0, &a));
	CHECK(!milter_parse('y', "", 0, &a));
	CHECK(!milter_parse('O', "\0\0\0\6\0\0\1\377\0\0\0\0\0\0\0\11x", 17,
	    &a));
	CHECK(milter_parse('q', "", 0, &a));
	CHECK(milter_parse('c', "", 0, &a));
	/* without its NUL: ends with the packet */
	CHECK(milter_parse('+', "<a@b>", 5, &a));
	CHECK_STR(a.name, "<a@b>");
}

static void
replies_that_smtp_may_give(void)
{
	static const struct {
		const char *in, *out;	/* NULL: malformed */
	} rows[] = {
		{ "550 5.7.1 no", "550 5.7.1 no" },
		{ "451 4.1.9 later", "451 4.1.9 later" },
		{ "550 no dsn", "550 no dsn" },
		{ "550 5.1.1", "550 5.1.1" },
		{ "550 100%% sure", "550 100% sure" },
		{ "550 a%b %", "550 ab " },
		{ "550-a\r\n550-b\r\n550 c", "550-a\r\n550-b\r\n550 c" },
		{ "550-a\n550 b\n", "550-a\r\n550 b" },
		{ "550 a\r\n551 b", "550-a\r\n550 b" },
		{ "550-only", "550 only" },
		{ "550 b\a", "550 b?" },
		{ "550", NULL }, { "550 ", NULL }, { "", NULL },
		{ "250 2.0.0 fine", NULL }, { "650 x", NULL },
		{ "450 5.1.1 mixed", NULL }, { "550 4.1.1 mixed", NULL },
		{ "55 5.1.1", NULL }, { "junk", NULL },
		{ "550-a\r\njunk", NULL }, { "550-a\r\n", "550 a" },
		{ "5500 x", NULL },
	};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool ok = milter_reply_text(rows[i].in, &b);

		CHECK(ok == (rows[i].out != NULL));
		if (ok && rows[i].out != NULL)
			CHECK_STR(b.data, rows[i].out);
	}
	buf_done(&b);
}

static void
versions_know_their_bits(void)
{
	CHECK_INT(milter_protocol_bits(2), 0x7f);
	CHECK_INT(milter_protocol_bits(3), 0x17f);
	CHECK_INT(milter_protocol_bits(4), 0x37f);
	CHECK_INT(milter_protocol_bits(6), 0x1fffff);
	CHECK_INT(milter_protocol_bits(5), 0);
}

int
main(void)
{
	TEST(a_packet_is_length_type_and_data);
	TEST(options_offer_version_and_bits);
	TEST(a_client_on_a_socket_has_no_address);
	TEST(header_lines_are_separated_by_lf);
	TEST(answers_give_their_parts);
	TEST(an_option_answer_may_have_lists_of_macros);
	TEST(short_packets_are_malformed);
	TEST(replies_that_smtp_may_give);
	TEST(versions_know_their_bits);
	return test_end();
}
