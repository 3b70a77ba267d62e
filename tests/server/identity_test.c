#include "server/identity.h"

#include <string.h>

#include "tests/test.h"
#include "util/buf.h"

static void
a_host_name_is_told_from_other_text(void)
{
	static const struct { const char *name, *fault; } rows[] = {
		{ "mx.home.example", "" },
		{ "localhost", "" },
		{ "my_host-1.example", "" },
		{ "1a.example", "" },
		{ "", "misplaced delimiter: " },
		{ ".a", "misplaced delimiter: .a" },
		{ "a..b", "misplaced delimiter: a..b" },
		{ "a.", "misplaced delimiter: a." },
		{ "-a", "misplaced hyphen: -a" },
		{ "a-.b", "misplaced hyphen: a-.b" },
		{ "192.0.2.1", "numeric hostname: 192.0.2.1" },
		{ "[192.0.2.1]", "invalid character 91(decimal): "
		    "[192.0.2.1]" },
		{ "\xc3\xa4.example", "invalid character 195(decimal): "
		    "\xc3\xa4.example" },
		{ "two words", "invalid character 32(decimal): two words" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf why = BUF_INIT;

		CHECK_INT(identity_is_hostname(rows[i].name, &why),
		    *rows[i].fault == '\0');
		CHECK_STR(why.data, rows[i].fault);
		buf_done(&why);
	}
}

static void
labels_and_names_have_a_length(void)
{
	struct buf name = BUF_INIT, why = BUF_INIT;

	for (int i = 0; i < 63; i++)
		buf_addc(&name, 'a');
	CHECK(identity_is_hostname(name.data, &why));
	buf_addc(&name, 'a');
	CHECK(!identity_is_hostname(name.data, &why));
	CHECK(strstr(why.data, "label too long") != NULL);
	buf_clear(&name);
	buf_clear(&why);
	for (int i = 0; i < 128; i++)
		buf_adds(&name, i == 0 ? "a" : ".a");
	CHECK(identity_is_hostname(name.data, &why));
	buf_adds(&name, ".a");
	CHECK(!identity_is_hostname(name.data, &why));
	CHECK(strstr(why.data, "bad length 257 for a.a.") != NULL);
	buf_done(&name);
	buf_done(&why);
}

int
main(void)
{
	TEST(a_host_name_is_told_from_other_text);
	TEST(labels_and_names_have_a_length);
	return test_end();
}
