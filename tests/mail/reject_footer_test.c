#include "mail/reject_footer.h"
#include "table/table.h"
#include "tests/test.h"
#include "util/buf.h"

static const char *unknown;

static const char *
other(void *arg, const char *name)
{
	(void)arg;
	unknown = name[0] == 'f' ? "f..." : "?";
	return "";
}

static const struct reject_facts facts = {
	"192.0.2.7", "mx.example", 2525, other, NULL,
};

static void
footers_go_on_the_last_line_or_lines_of_their_own(void)
{
	static const struct {
		const char *text, *reply, *want;
	} rows[] = {
		{ "\\c. Call us", "550 5.7.1 No", "550 5.7.1 No. Call us" },
		{ "call", "550 5.7.1 No",
		    "550-5.7.1 No\r\n550 5.7.1 call" },
		{ "call", "421 host gone", "421-host gone\r\n421 call" },
		{ "\\c a\\nb\\nc", "450 4.1.1 x",
		    "450-4.1.1 x a\r\n450-4.1.1 b\r\n450 4.1.1 c" },
		{ "end", "550-5.1.1 a\r\n550 5.1.1 b",
		    "550-5.1.1 a\r\n550-5.1.1 b\r\n550 5.1.1 end" },
		{ "\\c $client_address:$client_port at $server_name", "550 x",
		    "550 x 192.0.2.7:2525 at mx.example" },
		{ "\\c!${client_address?yes}", "550 x", "550 x!yes" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct reject_footer f;
		struct buf  reply = BUF_INIT;
		const char *why;

		reject_footer_init(&f, rows[i].text, NULL,
		    "abcdefghijklmnopqrstuvwxyz0123456789.");
		buf_adds(&reply, rows[i].reply);
		CHECK(reject_footer_add(&f, &reply, &facts, &why));
		CHECK_STR(reply.data, rows[i].want);
		buf_done(&reply);
		free(f.allowed);
	}
}

static void
values_have_only_bytes_of_the_filter(void)
{
	struct reject_footer f;
	struct buf  reply = BUF_INIT;
	const char *why;

	reject_footer_init(&f, "\\c $client_address $foo|", NULL, "1\\062");
	buf_adds(&reply, "550 x");
	CHECK(reject_footer_add(&f, &reply, &facts, &why));
	CHECK_STR(reply.data, "550 x 1_2___2__ |");
	CHECK_STR(unknown, "f...");
	buf_done(&reply);
	free(f.allowed);
}

static void
a_table_knows_footers_by_the_whole_reply(void)
{
	struct table_list *maps = table_list_open("footers",
	    "regexp:{{/5.7.1 No$/ \\c, sorry}}", TABLE_FOLD);
	struct reject_footer f;
	struct buf  reply = BUF_INIT;
	const char *why;

	reject_footer_init(&f, "", maps, "");
	CHECK(reject_footer_is_used(&f));
	buf_adds(&reply, "550 5.7.1 No");
	CHECK(reject_footer_add(&f, &reply, &facts, &why));
	CHECK_STR(reply.data, "550 5.7.1 No, sorry");
	buf_set(&reply, "550 5.7.1 Never");
	CHECK(reject_footer_add(&f, &reply, &facts, &why));
	CHECK_STR(reply.data, "550 5.7.1 Never");
	buf_done(&reply);
	free(f.allowed);
	table_list_close(maps);
}

int
main(void)
{
	TEST(footers_go_on_the_last_line_or_lines_of_their_own);
	TEST(values_have_only_bytes_of_the_filter);
	TEST(a_table_knows_footers_by_the_whole_reply);
	return test_end();
}
