#include "net/dnsbl.h"
#include "tests/test.h"
#include "util/buf.h"

static bool
fits(const char *pattern, const char *ip)
{
	struct dnsbl_filter f;
	struct addr	    a;
	const char	   *why = NULL;

	return dnsbl_filter_parse(&f, pattern, &why) && addr_parse(&a, ip, 0) &&
	    dnsbl_filter_has(&f, &a);
}

static void
patterns_choose_answers(void)
{
	static const struct {
		const char *pattern, *ip;
		bool	    fits;
	} rows[] = {
		{ "127.0.0.2", "127.0.0.2", true },
		{ "127.0.0.2", "127.0.0.3", false },
		{ "127.0.0.[2;4]", "127.0.0.4", true },
		{ "127.0.0.[2;4]", "127.0.0.3", false },
		{ "127.0.[0..255].[1..3;10]", "127.0.77.2", true },
		{ "127.0.[0..255].[1..3;10]", "127.0.77.10", true },
		{ "127.0.[0..255].[1..3;10]", "127.0.77.4", false },
		{ "[0..255].[0..255].[0..255].[0..255]", "255.1.2.3", true },
		{ "127.0.0.2", "2001:db8::1", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK(fits(rows[i].pattern, rows[i].ip) == rows[i].fits);
}

static void
bad_patterns_are_refused(void)
{
	static const char *const bad[] = {
		"", "127", "127.0.0", "127.0.0.256", "127.0.0.2.1", "127.0.0.",
		"127.0.0.[2", "127.0.0.[]", "127.0.0.[2;]", "127.0.0.[4..2]",
		"127.0.0.[1..]", "127.0.0.99999999999", "a.b.c.d", "127..0.1",
	};
	struct dnsbl_filter f;
	const char	   *why;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		why = NULL;
		CHECK(!dnsbl_filter_parse(&f, bad[i], &why));
		CHECK(why != NULL);
	}
}

static void
addresses_are_asked_for_in_reverse(void)
{
	struct buf  b = BUF_INIT;
	struct addr a;

	addr_parse(&a, "192.0.2.1", 0);
	dnsbl_add_reversed(&b, &a);
	CHECK_STR(b.data, "1.2.0.192.");
	buf_clear(&b);
	addr_parse(&a, "2001:db8::1", 0);
	dnsbl_add_reversed(&b, &a);
	CHECK_STR(b.data, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.");
	buf_done(&b);
}

int
main(void)
{
	TEST(patterns_choose_answers);
	TEST(bad_patterns_are_refused);
	TEST(addresses_are_asked_for_in_reverse);
	return test_end();
}
