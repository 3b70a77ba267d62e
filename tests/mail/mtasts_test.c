#include <stdio.h>
#include <string.h>

#include "mail/mtasts.h"
#include "tests/test.h"
#include "util/buf.h"

static const char *
parse(const char *text)
{
	static char	     line[2000];
	struct pool	     pool = POOL_INIT;
	struct mtasts_policy p;
	const char	    *why;
	struct buf	     b = BUF_INIT;

	if (mtasts_parse(&pool, text, strlen(text), &p, &why)) {
		mtasts_write(&b, &p);
		for (char *c = b.data; *c != '\0'; c++)
			if (*c == '\n')
				*c = '|';
		snprintf(line, sizeof line, "%s", b.data);
	} else {
		snprintf(line, sizeof line, "%s", why);
	}
	buf_done(&b);
	pool_done(&pool);
	return line;
}

static void
a_policy_is_read_as_the_rfc_shows_it(void)
{
	CHECK_STR(parse("version: STSv1\r\nmode: enforce\r\n"
	    "mx: mail.example.com\r\nmx: *.example.net\r\n"
	    "mx: backupmx.example.com\r\nmax_age: 604800\r\n"),
	    "version: STSv1|mode: enforce|mx: mail.example.com|"
	    "mx: *.example.net|mx: backupmx.example.com|max_age: 604800|");
	CHECK_STR(parse("version:STSv1\nmode:\ttesting \nmx:A.B\nmax_age:1"),
	    "version: STSv1|mode: testing|mx: a.b|max_age: 1|");
	CHECK_STR(parse("version: STSv1\nmode: none\nmax_age: 0\n"),
	    "version: STSv1|mode: none|max_age: 0|");
}

static void
order_blank_lines_and_unknown_fields_do_not_matter(void)
{
	CHECK_STR(parse("max_age: 9\n\nx-new: thing: y\nmx: a.b\n"
	    "mode: enforce\nversion: STSv1"),
	    "version: STSv1|mode: enforce|mx: a.b|max_age: 9|");
}

static void
the_first_of_a_repeated_field_counts(void)
{
	CHECK_STR(parse("version: STSv1\nmode: none\nmode: enforce\n"
	    "max_age: 5\nmax_age: x\nversion: 2\n"),
	    "version: STSv1|mode: none|max_age: 5|");
}

static void
an_age_over_a_year_is_a_year(void)
{
	CHECK_STR(parse("version: STSv1\nmode: none\nmax_age: 9999999999\n"),
	    "version: STSv1|mode: none|max_age: 31557600|");
}

static void
what_is_no_policy_is_refused(void)
{
	CHECK_STR(parse(""), "no version");
	CHECK_STR(parse("version: STSv2\nmode: none\nmax_age: 1\n"),
	    "unknown version");
	CHECK_STR(parse("version: STSv1\nmax_age: 1\n"), "no mode");
	CHECK_STR(parse("version: STSv1\nmode: none\n"), "no max_age");
	CHECK_STR(parse("version: STSv1\nmode: Enforce\n"), "unknown mode");
	CHECK_STR(parse("version: STSv1\nmode: enforce\nmax_age: 1\n"),
	    "no mx");
	CHECK_STR(parse("version: STSv1\nmode: none\nmax_age: -1\n"),
	    "bad max_age");
	CHECK_STR(parse("version: STSv1\nmode: none\nmax_age: 12345678901\n"),
	    "bad max_age");
	CHECK_STR(parse("version: STSv1\nmx: *.*.b\n"), "bad mx pattern");
	CHECK_STR(parse("version: STSv1\nmx: *\n"), "bad mx pattern");
	CHECK_STR(parse("version: STSv1\nmx: a b\n"), "bad mx pattern");
	CHECK_STR(parse("<html>\n"), "a line without a colon");
}

static void
a_star_is_one_label(void)
{
	static const char *const mx[] = { "mx.a.example", "*.b.example",
	    NULL };

	CHECK(mtasts_fits(mx, "mx.a.example"));
	CHECK(mtasts_fits(mx, "MX.A.Example"));
	CHECK(mtasts_fits(mx, "x.b.example"));
	CHECK(!mtasts_fits(mx, "b.example"));
	CHECK(!mtasts_fits(mx, "y.x.b.example"));
	CHECK(!mtasts_fits(mx, "a.example"));
	CHECK(!mtasts_fits(mx, "mx.a.example.net"));
	CHECK(!mtasts_fits(mx, ""));
}

static enum mtasts_record
record(const char *text, const char *want)
{
	char		   id[MTASTS_ID_MAX + 1] = "";
	enum mtasts_record got = mtasts_parse_record(text, strlen(text), id);

	CHECK_STR(id, want);
	return got;
}

static void
a_record_has_an_id(void)
{
	CHECK(record("v=STSv1; id=20160831085700Z;", "20160831085700Z") ==
	    MTASTS_RECORD_OK);
	CHECK(record("v=STSv1;id=a", "a") == MTASTS_RECORD_OK);
	CHECK(record("v=STSv1; id=a; x2345678901234567890123456789012=1",
	    "a") == MTASTS_RECORD_OK);
	CHECK(record("v=STSv1 ; x_y=1 ; id=b ; ", "b") == MTASTS_RECORD_OK);
	CHECK(record("v=STSv1; id=12345678901234567890123456789012;",
	    "12345678901234567890123456789012") == MTASTS_RECORD_OK);
}

static void
other_records_are_told_from_bad_ones(void)
{
	CHECK(record("v=spf1 -all", "") == MTASTS_RECORD_OTHER);
	CHECK(record("", "") == MTASTS_RECORD_OTHER);
	CHECK(record("v=STSv10; id=1", "") == MTASTS_RECORD_OTHER);
	CHECK(record(" v=STSv1; id=1", "") == MTASTS_RECORD_OTHER);
	CHECK(record("v=STSv1", "") == MTASTS_RECORD_OTHER);
	CHECK(record("v=STSv1;", "") == MTASTS_RECORD_BAD);
	CHECK(record("v=STSv1; id=", "") == MTASTS_RECORD_BAD);
	CHECK(record("v=STSv1; id=a-b", "") == MTASTS_RECORD_BAD);
	CHECK(record("v=STSv1; id=123456789012345678901234567890123", "") ==
	    MTASTS_RECORD_BAD);
	CHECK(record("v=STSv1; id=1; junk", "") == MTASTS_RECORD_BAD);
	CHECK(record("v=STSv1; id=1; _x=1", "") == MTASTS_RECORD_BAD);
	CHECK(record("v=STSv1; id=1; x!=1", "") == MTASTS_RECORD_BAD);
	CHECK(record("v=STSv1; id=1; "
	    "x23456789012345678901234567890123=1", "") == MTASTS_RECORD_BAD);
	CHECK(record("v=STSv1; ; id=1", "") == MTASTS_RECORD_BAD);
}

int
main(void)
{
	TEST(a_policy_is_read_as_the_rfc_shows_it);
	TEST(order_blank_lines_and_unknown_fields_do_not_matter);
	TEST(the_first_of_a_repeated_field_counts);
	TEST(an_age_over_a_year_is_a_year);
	TEST(what_is_no_policy_is_refused);
	TEST(a_star_is_one_label);
	TEST(a_record_has_an_id);
	TEST(other_records_are_told_from_bad_ones);
	return test_end();
}
