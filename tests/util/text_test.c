#include "tests/test.h"
#include "util/buf.h"
#include "util/text.h"

static void
words_end_at_separators(void)
{
	char line[] = " ,one, two\tthree,,", *s = line;

	CHECK_STR(text_word(&s, TEXT_LIST_SEP, false), "one");
	CHECK_STR(text_word(&s, TEXT_LIST_SEP, false), "two");
	CHECK_STR(text_word(&s, TEXT_LIST_SEP, false), "three");
	CHECK(text_word(&s, TEXT_LIST_SEP, false) == NULL);
	CHECK(text_word(&s, TEXT_LIST_SEP, false) == NULL);
}

static void
words_in_braces_hold_separators(void)
{
	char line[] = "{ a b, {c} } d inline:{x, y}";
	char open[] = "{ a b", *s = line;

	CHECK_STR(text_word(&s, TEXT_LIST_SEP, true), "{ a b, {c} }");
	CHECK_STR(text_word(&s, TEXT_LIST_SEP, true), "d");
	s = open;
	CHECK_STR(text_word(&s, TEXT_LIST_SEP, true), "{ a b");
	CHECK(text_word(&s, TEXT_LIST_SEP, true) == NULL);
}

static void
a_list_has_only_whole_words(void)
{
	static const struct {
		const char *list, *word;
		bool	    has;
	} cases[] = {
		{ "one", "one", true }, { "ONE", "one", true },
		{ " one,two\tthree\r\n", "three", true },
		{ ",, one", "one", true }, { "one, two", "two", true },
		{ "one", "on", false }, { "one", "onetwo", false },
		{ "", "one", false }, { " ,", "one", false },
		{ "one", "", false }, { "one two", "one two", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK(text_has_word(cases[i].list, cases[i].word) ==
		    cases[i].has);
}

static void
numbers_are_whole_and_within_bounds(void)
{
	static const struct {
		const char *text;
		bool	    ok;
		long	    value;
	} cases[] = {
		{ "0", true, 0 }, { "100", true, 100 }, { "-5", true, -5 },
		{ "101", false, 0 }, { "-6", false, 0 }, { "", false, 0 },
		{ " 1", false, 0 }, { "1 ", false, 0 }, { "1k", false, 0 },
		{ "99999999999999999999", false, 0 }, { "-", false, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		long n = 7;

		CHECK(text_to_long(cases[i].text, -5, 100, &n) == cases[i].ok);
		CHECK_INT(n, cases[i].ok ? cases[i].value : 7);
	}
}

static void
utf8_is_taken_strictly(void)
{
	static const struct {
		const char *text;
		bool	    ok;
	} cases[] = {
		{ "", true }, { "abc", true }, { "\xc3\xa4", true },
		{ "\xe2\x82\xac", true }, { "\xf0\x9f\x98\x80", true },
		{ "\xc0\x80", false }, { "\xc1\xbf", false },
		{ "\xe0\x80\x80", false }, { "\xed\xa0\x80", false },
		{ "\xf4\x90\x80\x80", false }, { "\xf8\x88\x80\x80", false },
		{ "\x80", false }, { "\xc3", false }, { "\xe2\x82", false },
		{ "\xff", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK(text_is_utf8(cases[i].text, strlen(cases[i].text)) ==
		    cases[i].ok);
}

static void
folding_knows_unicode_only_when_asked(void)
{
	struct buf b = BUF_INIT;

	text_fold(&b, "\xc3\x84Z@EX", true);
	CHECK_STR(b.data, "\xc3\xa4z@ex");
	buf_clear(&b);
	text_fold(&b, "\u1e9e\ufb03\u0390\u216b\u10cf0\uab70\U0001e921", true);
	CHECK_STR(b.data,
	    "ssffi\u03b9\u0308\u0301\u217b\u10cf0\u13a0\U0001e943");
	buf_clear(&b);
	text_fold(&b, "\xc3\x84Z@EX", false);
	CHECK_STR(b.data, "\xc3\x84z@ex");
	buf_clear(&b);
	text_fold(&b, "A\xff", true);
	CHECK_STR(b.data, "a\xff");
	buf_done(&b);
}

static void
percent_signs_are_decoded(void)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "", "" }, { "a b", "a b" }, { "%41%6a%6A", "Ajj" },
		{ "100%25", "100%" }, { "%ff", "\xff" },
		{ "%", NULL }, { "%4", NULL }, { "%4g", NULL },
		{ "x%00", NULL }, { "%%41", NULL }, { "%-1", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b = BUF_INIT;
		bool	   ok = text_unpercent(&b, cases[i].text);

		CHECK(ok == (cases[i].want != NULL));
		if (ok && cases[i].want != NULL)
			CHECK_STR(b.data, cases[i].want);
		buf_done(&b);
	}
}

static void
xtext_goes_there_and_back(void)
{
	struct buf b = BUF_INIT, c = BUF_INIT;

	text_xtext(&b, "a+b=c d\x01\xff", 9);
	CHECK_STR(b.data, "a+2Bb+3Dc+20d+01+FF");
	CHECK(text_unxtext(&c, b.data, b.len));
	CHECK(c.len == 9 && memcmp(c.data, "a+b=c d\x01\xff", 9) == 0);
	buf_set(&c, "kept");
	CHECK(!text_unxtext(&c, "a+2b", 4));
	CHECK(!text_unxtext(&c, "a+2", 3));
	CHECK(!text_unxtext(&c, "a b", 3));
	CHECK_STR(c.data, "kept");
	buf_done(&b);
	buf_done(&c);
}

static void
base64_goes_there_and_back(void)
{
	static const char *const pairs[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foobar", "Zm9vYmFy" },
	};
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====",
		"Zm 9v", ("\xff" "abc"),
	};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		buf_clear(&b);
		text_base64(&b, pairs[i][0], strlen(pairs[i][0]));
		CHECK_STR(b.data, pairs[i][1]);
		buf_clear(&b);
		CHECK(text_unbase64(&b, pairs[i][1], strlen(pairs[i][1])));
		CHECK_STR(b.data, pairs[i][0]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		buf_clear(&b);
		CHECK(!text_unbase64(&b, bad[i], strlen(bad[i])));
		CHECK(b.len == 0);
	}
	buf_done(&b);
}

static void
unprintable_bytes_become_question_marks(void)
{
	struct buf b = BUF_INIT;

	text_printable(&b, "a\r\n\x7f\xc3\xa4", 6, false);
	CHECK_STR(b.data, "a?????");
	buf_clear(&b);
	text_printable(&b, "a\xc3\xa4\xff\xc3", 5, true);
	CHECK_STR(b.data, "a\xc3\xa4??");
	buf_clear(&b);
	text_printable(&b, "\xc2\x85x", 3, true);	/* a C1 control */
	CHECK_STR(b.data, "?x");
	buf_done(&b);
}

static void
json_escapes_and_repairs(void)
{
	struct buf b = BUF_INIT;

	text_json(&b, "a\"\\\n\x01\xff\xc3\xa4\0z", 10);
	CHECK_STR(b.data,
	    "\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa4\\u0000z\"");
	buf_done(&b);
}

static void
distance_counts_edits_and_swaps(void)
{
	CHECK_INT(text_distance("myhostname", "myhostname", 3), 0);
	CHECK_INT(text_distance("myhostname", "myhostnmae", 3), 1);
	CHECK_INT(text_distance("smtpd_banner", "smptd_baner", 3), 2);
	CHECK_INT(text_distance("abc", "xyz", 2), 3);
	CHECK_INT(text_distance("", "ab", 2), 2);
	CHECK_INT(text_distance("kitten", "sitting", 9), 3);
}

static void
case_is_ascii_case(void)
{
	char s[] = "MiXeD\xc4";

	CHECK(text_eq_nocase("ABC", "abc") && !text_eq_nocase("ab", "abc"));
	CHECK(text_starts_nocase("Received: x", "RECEIVED:"));
	CHECK(!text_starts_nocase("Rec", "RECEIVED:"));
	CHECK(text_ends_nocase("a.Example", ".example"));
	CHECK(!text_eq_nocase("@", "`") && !text_eq_nocase("[", "{"));
	CHECK_STR(text_lower(s), "mixed\xc4");
}

static void
trim_removes_space_at_both_ends(void)
{
	char a[] = " \t x y\r\n", b[] = "  ";

	CHECK_STR(text_trim(a), "x y");
	CHECK_STR(text_trim(b), "");
}

int
main(void)
{
	TEST(words_end_at_separators);
	TEST(words_in_braces_hold_separators);
	TEST(a_list_has_only_whole_words);
	TEST(numbers_are_whole_and_within_bounds);
	TEST(utf8_is_taken_strictly);
	TEST(folding_knows_unicode_only_when_asked);
	TEST(percent_signs_are_decoded);
	TEST(xtext_goes_there_and_back);
	TEST(base64_goes_there_and_back);
	TEST(unprintable_bytes_become_question_marks);
	TEST(json_escapes_and_repairs);
	TEST(distance_counts_edits_and_swaps);
	TEST(case_is_ascii_case);
	TEST(trim_removes_space_at_both_ends);
	return test_end();
}
