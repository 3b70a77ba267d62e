#include <string.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "smtp/generic.h"
#include "smtp/settings.h"
#include "tests/test.h"
#include "util/buf.h"

struct settings settings = {
	.prefix = "smtp",
	.generic_maps = "inline:{ { alice@home.example = alice@public.example }"
	    " { @home.example = house@public.example }"
	    " { public@public.example = again@public.example }"
	    " { quoted@q.example = \"two words\"@public.example } }",
};

static const char *
address(const char *given)
{
	static struct buf b = BUF_INIT;

	buf_set(&b, given);
	CHECK(generic_address(&b));
	return b.data;
}

static const char *
header(const char *given)
{
	static struct buf b = BUF_INIT;

	buf_clear(&b);
	CHECK(generic_header(&b, given, strlen(given)));
	return b.data;
}

static void
addresses_are_looked_up_once(void)
{
	CHECK_STR(address("alice@home.example"), "alice@public.example");
	CHECK_STR(address("bob@home.example"), "house@public.example");
	CHECK_STR(address("bob+x@home.example"), "house@public.example");
	CHECK_STR(address("x@else.example"), "x@else.example");
	CHECK_STR(address("quoted@q.example"),
	    "two words@public.example");
	CHECK_STR(address(""), "");
}

static void
fields_of_addresses_change_and_others_do_not(void)
{
	CHECK_STR(header("From: A <alice@home.example>\r\n"
	    "Subject: alice@home.example\r\n"
	    "To: x@else.example,\r\n  y@else.example\r\n"
	    "Cc: bob@home.example,\r\n quoted@q.example (c)\r\n"),
	    "From: A <alice@public.example>\r\n"
	    "Subject: alice@home.example\r\n"
	    "To: x@else.example,\r\n  y@else.example\r\n"
	    "Cc: house@public.example, \"two words\"@public.example (c)\r\n");
}

static void
odd_headers_stay_as_they_are(void)
{
	const char *const odd[] = {
		"", "To", "To: \r\n", ": alice@home.example\r\n",
		" alice@home.example\r\n", "To:\r\n\r\n", "To: ,,;:<>\r\n",
		"From: <\r\n", "To alice@home.example\r\n",
	};

	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		CHECK_STR(header(odd[i]), odd[i]);
}

int
main(void)
{
	const char *why;

	conf_set_dir("/nonexistent");
	conf_override("myorigin=home.example", &why);
	conf_override("mydestination=home.example", &why);
	conf_override("recipient_delimiter=+", &why);
	conf_override("smtputf8_enable=no", &why);
	if (!conf_load(&param_mail, &why)) {
		printf("Bail out! %s\n", why);
		return 1;
	}
	generic_init();
	TEST(addresses_are_looked_up_once);
	TEST(fields_of_addresses_change_and_others_do_not);
	TEST(odd_headers_stay_as_they_are);
	return test_end();
}
