#include "smtpd/command.h"
#include "smtpd/options.c"
#include "tests/test.h"
#include "util/mem.h"

/* smtpd/command.c has a table of functions that this test does without. */
char *
command_word(char **s)
{
	char *word = *s + strspn(*s, " \t");

	if (*word == '\0')
		return NULL;
	*s = word + strcspn(word, " \t");
	if (**s != '\0')
		*(*s)++ = '\0';
	return word;
}

static void
the_path_is_cut_off_at_white_space_outside_of_brackets(void)
{
	static const struct {
		const char	*in, *path, *rest;
		enum path_result result;
	} rows[] = {
		{ "FROM:<a@b>", "<a@b>", "", PATH_OK },
		{ "from: <a@b> SIZE=1", "<a@b>", "SIZE=1", PATH_OK },
		{ "FROM:a@b  x", "a@b", " x", PATH_OK },
		{ "FROM:<a b@c> x", "<a b@c>", "x", PATH_OK },
		{ "FROM:\"a b\"@c x", "\"a b\"@c", "x", PATH_OK },
		{ "FROM:<\"a>\\\" b\"@c> x", "<\"a>\\\" b\"@c>", "x", PATH_OK },
		{ "FROM:a@b>", "a@b>", "", PATH_OK },
		{ "FROM:<a@b", NULL, NULL, PATH_UNBALANCED },
		{ "FROM:\"a", NULL, NULL, PATH_UNBALANCED },
		{ "FROM:\"a\\", NULL, NULL, PATH_UNBALANCED },
		{ "FROM:", NULL, NULL, PATH_SYNTAX },
		{ "FROM: ", NULL, NULL, PATH_SYNTAX },
		{ "FROM", NULL, NULL, PATH_SYNTAX },
		{ "TO:<a@b>", NULL, NULL, PATH_SYNTAX },
		{ "", NULL, NULL, PATH_SYNTAX },
	};
	char *copy, *path, *rest;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		copy = mem_strdup(rows[i].in);
		CHECK_INT(options_path(copy, "FROM:", &path, &rest),
		    rows[i].result);
		if (rows[i].result == PATH_OK) {
			CHECK_STR(path, rows[i].path);
			CHECK_STR(rest, rows[i].rest);
		}
		mem_free(copy);
	}
}

static void
parameters_of_mail_are_understood(void)
{
	struct mail_options o = MAIL_OPTIONS_INIT;
	char	    text[] = "size=100 Body=8BITMIME RET=hdrs ENVID=a+2Bb "
		    "SMTPUTF8 AUTH=<>";
	const char *why, *word;

	CHECK(options_mail(text, 0, &o, &why, &word));
	CHECK(o.has_size && o.size == 100);
	CHECK_STR(o.body, "8BITMIME");
	CHECK_STR(o.ret, "HDRS");
	CHECK_STR(o.envid.data, "a+b");
	CHECK(o.smtputf8);
	buf_done(&o.envid);
	buf_done(&o.auth);
}

struct refusal {
	const char *in, *why;
};

#define UNSUPPORTED "555 5.5.4 Unsupported option: %s"
#define NO_DSN	    "501 5.7.1 DSN support is disabled"
#define BAD_SIZE    "501 5.5.4 Bad message size syntax"
#define BAD_RET	    "501 5.5.4 Bad RET parameter syntax"
#define BAD_ENVID   "501 5.5.4 Bad ENVID parameter syntax"
#define BAD_NOTIFY  "501 5.5.4 Error: Bad NOTIFY parameter syntax"
#define BAD_ORCPT   "501 5.5.4 Error: Bad ORCPT parameter syntax"

static void
bad_parameters_of_mail_are_refused(void)
{
	static const struct refusal rows[] = {
		{ "SIZE=", BAD_SIZE }, { "SIZE=abc", BAD_SIZE },
		{ "SIZE=-5", BAD_SIZE }, { "SIZE=1 SIZE=x", BAD_SIZE },
		{ "SIZE=99999999999999999999", "552 5.3.4 Message size "
		    "exceeds file system imposed limit" },
		{ "SIZE", UNSUPPORTED }, { "BODY=", UNSUPPORTED },
		{ "BODY=FANCY", UNSUPPORTED }, { "SMTPUTF8=x", UNSUPPORTED },
		{ "RET=SOME", BAD_RET }, { "RET=FULL RET=HDRS", BAD_RET },
		{ "ENVID=", BAD_ENVID }, { "ENVID=a+2", BAD_ENVID },
		{ "ENVID=a+0Ab", BAD_ENVID }, { "ENVID=a+80", BAD_ENVID },
		 { "ENVID=a ENVID=b", BAD_ENVID },
		{ "FOO", UNSUPPORTED }, { "FOO=BAR", UNSUPPORTED },
	};
	const char *why, *word;
	char	   *copy;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct mail_options o = MAIL_OPTIONS_INIT;

		copy = mem_strdup(rows[i].in);
		CHECK(!options_mail(copy, 0, &o, &why, &word));
		CHECK_STR(why, rows[i].why);
		mem_free(copy);
		buf_done(&o.envid);
	buf_done(&o.auth);
	}
}

static void
what_is_not_offered_is_refused(void)
{
	struct mail_options o = MAIL_OPTIONS_INIT;
	struct rcpt_options r = RCPT_OPTIONS_INIT;
	char		    ret[] = "RET=HDRS", utf8[] = "SMTPUTF8";
	char		    notify[] = "NOTIFY=NEVER";
	const char	   *why, *word;

	CHECK(!options_mail(ret, OPTIONS_NO_DSN, &o, &why, &word));
	CHECK_STR(why, NO_DSN);
	CHECK(!options_mail(utf8, OPTIONS_NO_SMTPUTF8, &o, &why, &word));
	CHECK_STR(why, UNSUPPORTED);
	CHECK_STR(word, "SMTPUTF8");
	CHECK(!options_rcpt(notify, OPTIONS_NO_DSN, &r, &why, &word));
	CHECK_STR(why, NO_DSN);
}

static void
parameters_of_rcpt_are_understood(void)
{
	struct rcpt_options o = RCPT_OPTIONS_INIT;
	char	    text[] = "NOTIFY=SUCCESS,delay ORCPT=rfc822;a+20b@c";
	const char *why, *word;

	CHECK(options_rcpt(text, 0, &o, &why, &word));
	CHECK_INT(o.notify, NOTIFY_SUCCESS | NOTIFY_DELAY);
	CHECK_STR(o.orcpt.data, "rfc822;a b@c");
	buf_done(&o.orcpt);
}

static void
careless_parameters_of_rcpt_are_taken(void)
{
	static const struct {
		const char *in;
		int	    notify;
		const char *orcpt;
	} rows[] = {
		{ "NOTIFY=SUCCESS,,DELAY", NOTIFY_SUCCESS | NOTIFY_DELAY, "" },
		{ "NOTIFY=,FAILURE,", NOTIFY_FAILURE, "" },
		{ "NOTIFY=DELAY,DELAY", NOTIFY_DELAY, "" },
		{ "ORCPT=rfc822;a=b@c", 0, "rfc822;a=b@c" },
		{ "ORCPT=utf-8;\xc3\xa4@c", 0, "utf-8;\xc3\xa4@c" },
		{ "ORCPT=utf-8;\\x{E4}@c", 0, "utf-8;\xc3\xa4@c" },
		{ "ORCPT=UTF-8;a+2Bb@c", 0, "UTF-8;a+2Bb@c" },
		{ "ORCPT=utf-8;\\x{5C}\\x{20ac}\\x{1F600}@c", 0,
		    "utf-8;\\\xe2\x82\xac\xf0\x9f\x98\x80@c" },
	};
	const char *why, *word;
	char	   *copy;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rcpt_options o = RCPT_OPTIONS_INIT;

		copy = mem_strdup(rows[i].in);
		CHECK(options_rcpt(copy, 0, &o, &why, &word));
		CHECK_INT(o.notify, rows[i].notify);
		CHECK_STR(o.orcpt.data, rows[i].orcpt);
		mem_free(copy);
		buf_done(&o.orcpt);
	}
}

static void
bad_parameters_of_rcpt_are_refused(void)
{
	static const struct refusal rows[] = {
		{ "NOTIFY=", BAD_NOTIFY }, { "NOTIFY=SOMETIMES", BAD_NOTIFY },
		{ "NOTIFY=NEVER,SUCCESS", BAD_NOTIFY },
		{ "NOTIFY=NEVER NOTIFY=NEVER", BAD_NOTIFY },
		{ "ORCPT=bob", BAD_ORCPT }, { "ORCPT=;x", BAD_ORCPT },
		{ "NOTIFY=,", BAD_NOTIFY }, { "ORCPT=rfc822;a+2", BAD_ORCPT },
		{ "ORCPT=utf-8;\\x{zz}", BAD_ORCPT },
		{ "ORCPT=utf-8;\\x{41", BAD_ORCPT },
		{ "ORCPT=utf-8;\\x{D800}", BAD_ORCPT },
		{ "ORCPT=utf-8;\\x{110000}", BAD_ORCPT },
		{ "ORCPT=utf-8;\\x{A}", BAD_ORCPT },
		{ "ORCPT=a;b ORCPT=a;b", BAD_ORCPT },
		{ "SIZE=5", UNSUPPORTED }, { "x", UNSUPPORTED },
	};
	const char *why, *word;
	char	   *copy;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rcpt_options o = RCPT_OPTIONS_INIT;

		copy = mem_strdup(rows[i].in);
		CHECK(!options_rcpt(copy, 0, &o, &why, &word));
		CHECK_STR(why, rows[i].why);
		if (!test_ok)
			printf("# %s\n", rows[i].in);
		mem_free(copy);
		buf_done(&o.orcpt);
	}
}

static void
an_odd_notify_value_is_named(void)
{
	struct rcpt_options o = RCPT_OPTIONS_INIT;
	char	    text[] = "NOTIFY=DELAY,LATER,SUCCESS";
	const char *why, *word;

	CHECK(!options_rcpt(text, 0, &o, &why, &word));
	CHECK(str_is(o.odd_notify, "LATER"));
	CHECK_STR(o.odd_in, "DELAY,LATER,SUCCESS");
}

static void
bdat_has_a_count_and_perhaps_last(void)
{
	static const struct {
		const char *in;
		bool	    ok, last;
		uint64_t    size;
	} rows[] = {
		{ "18", true, false, 18 }, { "0 last", true, true, 0 },
		{ "8  LAST", true, true, 8 }, { "", false, false, 0 },
		{ "x", false, false, 0 }, { "-1", false, false, 0 },
		{ "5 LAST now", false, false, 0 }, { "5 x", false, false, 0 },
		{ "99999999999999999999", false, false, 0 },
	};
	uint64_t size;
	bool	 last;
	char	*copy;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		copy = mem_strdup(rows[i].in);
		CHECK(options_bdat(copy, &size, &last) == rows[i].ok);
		if (rows[i].ok)
			CHECK(size == rows[i].size && last == rows[i].last);
		mem_free(copy);
	}
}

int
main(void)
{
	TEST(the_path_is_cut_off_at_white_space_outside_of_brackets);
	TEST(parameters_of_mail_are_understood);
	TEST(bad_parameters_of_mail_are_refused);
	TEST(what_is_not_offered_is_refused);
	TEST(parameters_of_rcpt_are_understood);
	TEST(careless_parameters_of_rcpt_are_taken);
	TEST(bad_parameters_of_rcpt_are_refused);
	TEST(an_odd_notify_value_is_named);
	TEST(bdat_has_a_count_and_perhaps_last);
	return test_end();
}
