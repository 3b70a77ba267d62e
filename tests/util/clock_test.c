#include "tests/test.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/crc32c.h"

static void
delays_have_two_significant_digits(void)
{
	static const struct {
		int64_t	    usec;
		int	    digits;
		const char *text;
	} cases[] = {
		{ 0, 2, "0" }, { 4000, 2, "0" }, { 6000, 2, "0.01" },
		{ 12345, 2, "0.01" }, { 123456, 2, "0.12" },
		{ 100000, 2, "0.1" }, { 1234567, 2, "1.2" },
		{ 2000000, 2, "2" }, { 9960000, 2, "10" },
		{ 12345678, 2, "12" }, { 1202000000, 2, "1202" },
		{ 1234, 4, "0.0012" }, { 123456, 0, "0" },
		{ 1600000, 0, "2" }, { 1, 6, "0.000001" }, { -5, 2, "0" },
	};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		buf_clear(&b);
		clock_delay(&b, cases[i].usec, cases[i].digits);
		CHECK_STR(b.data, cases[i].text);
	}
	buf_done(&b);
}

static void
dates_are_in_english_and_local_time(void)
{
	struct buf b = BUF_INIT;

	setenv("TZ", "UTC", 1);
	tzset();
	clock_rfc_date(&b, 1763773854);
	CHECK_STR(b.data, "Sat, 22 Nov 2025 01:10:54 +0000 (UTC)");
	setenv("TZ", "XYZ3:30", 1);
	tzset();
	buf_clear(&b);
	clock_rfc_date(&b, 1763773854);
	CHECK_STR(b.data, "Fri, 21 Nov 2025 21:40:54 -0330 (XYZ)");
	buf_clear(&b);
	clock_rfc_date(&b, 1764655200);
	CHECK_STR(b.data, "Tue, 02 Dec 2025 02:30:00 -0330 (XYZ)");
	buf_done(&b);
}

static void
crc_is_castagnolis(void)
{
	char zeros[32] = { 0 }, long_text[1000];

	CHECK(crc32c(0, "123456789", 9) == 0xe3069283);
	CHECK(crc32c(0, zeros, 32) == 0x8a9136aa);
	CHECK(crc32c(0, "", 0) == 0);
	for (size_t i = 0; i < sizeof long_text; i++)
		long_text[i] = (char)(i * 7);
	for (size_t i = 0; i <= sizeof long_text; i += 37)
		CHECK(crc32c(crc32c(0, long_text, i), long_text + i,
		    sizeof long_text - i) == crc32c(0, long_text,
		    sizeof long_text));
}

int
main(void)
{
	TEST(delays_have_two_significant_digits);
	TEST(dates_are_in_english_and_local_time);
	TEST(crc_is_castagnolis);
	return test_end();
}
