#include "mail/checks.h"
#include "mail/header.h"
#include "tests/test.h"

/* --- what values mean */

static const struct {
	const char	 *value;
	enum checks_kind  kind;
	enum check_action action;
	const char	 *text, *problem;
} values[] = {
	{ "REJECT", CHECKS_HEADER, CHECK_REJECT,
	  "5.7.1 message content rejected", "" },
	{ "reject go away", CHECKS_BODY, CHECK_REJECT, "5.7.1 go away", "" },
	{ "REJECT 4.7.0 later", CHECKS_HEADER, CHECK_REJECT, "4.7.0 later", "" },
	{ "REJECT 5.7.9", CHECKS_HEADER, CHECK_REJECT, "5.7.9 ", "" },
	{ "REJECT 2.0.0 x", CHECKS_HEADER, CHECK_REJECT, "4.0.0 x",
	    "bad DSN action in 2.0.0 x -- need 4.x.x or 5.x.x" },
	{ "REJECT 550 5.7.2 x", CHECKS_HEADER, CHECK_REJECT,
	  "5.7.1 550 5.7.2 x", "" },
	{ "WARN", CHECKS_HEADER, CHECK_WARN, "", "" },
	{ "WARN  two words", CHECKS_HEADER, CHECK_WARN, "two words", "" },
	{ "Info x", CHECKS_HEADER, CHECK_INFO, "x", "" },
	{ "DUNNO", CHECKS_HEADER, CHECK_NONE, "", "" },
	{ "OK", CHECKS_HEADER, CHECK_NONE, "", "" },
	{ "IGNORE x", CHECKS_HEADER, CHECK_IGNORE, "x", "" },
	{ "STRIP", CHECKS_HEADER, CHECK_STRIP, "", "" },
	{ "PASS", CHECKS_HEADER, CHECK_PASS, "", "" },
	{ "HOLD", CHECKS_HEADER, CHECK_HOLD, "", "" },
	{ "DISCARD x", CHECKS_HEADER, CHECK_DISCARD, "x", "" },
	{ "BCC a@b.example", CHECKS_HEADER, CHECK_BCC, "a@b.example", "" },
	{ "BCC a", CHECKS_HEADER, CHECK_NONE, "a",
	  "bad BCC address \"a\" in x_checks map -- need user@domain" },
	{ "REDIRECT", CHECKS_HEADER, CHECK_NONE, "",
	  "bad REDIRECT target \"\" in x_checks map -- need user@domain" },
	{ "REDIRECT @b", CHECKS_HEADER, CHECK_NONE, "@b",
	  "bad REDIRECT target \"@b\" in x_checks map -- need user@domain" },
	{ "FILTER smtp:x", CHECKS_HEADER, CHECK_FILTER, "smtp:x", "" },
	{ "FILTER", CHECKS_HEADER, CHECK_NONE, "",
	  "missing FILTER command argument in x_checks map" },
	{ "FILTER x", CHECKS_HEADER, CHECK_NONE, "x",
	  "bad FILTER command x in x_checks -- need transport:destination" },
	{ "REPLACE X: y", CHECKS_HEADER, CHECK_REPLACE, "X: y", "" },
	{ "REPLACE text", CHECKS_BODY, CHECK_REPLACE, "text", "" },
	{ "REPLACE text", CHECKS_MIME, CHECK_NONE, "text",
	  "bad REPLACE header text \"text\" in x_checks map -- need "
	  "\"headername: headervalue\"" },
	{ "PREPEND", CHECKS_BODY, CHECK_NONE, "",
	  "PREPEND action without text in x_checks map" },
	{ "BOGUS x", CHECKS_HEADER, CHECK_NONE, "",
	  "unknown command in x_checks map: BOGUS x" },
	{ "", CHECKS_HEADER, CHECK_NONE, "",
	  "unknown command in x_checks map: " },
};

static void
understands_every_action(void)
{
	struct checked c = CHECKED_INIT;

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		checks_parse(CHECKS_CLEANUP, values[i].kind, "x_checks",
		    values[i].value, &c);
		CHECK_INT(c.action, values[i].action);
		CHECK_STR(c.text.data, values[i].text);
		CHECK_STR(c.problem.data, values[i].problem);
	}
	checked_done(&c);
}

static void
a_client_may_not_change_where_mail_goes(void)
{
	static const char *const values_not[] = {
		"REJECT", "HOLD", "DISCARD", "FILTER a:b", "REDIRECT a@b",
		"BCC a@b", "PASS", "BOGUS",
	};
	struct checked c = CHECKED_INIT;

	for (size_t i = 0; i < sizeof values_not / sizeof *values_not; i++) {
		checks_parse(CHECKS_SMTP, CHECKS_HEADER, "smtp_header_checks",
		    values_not[i], &c);
		CHECK_INT(c.action, CHECK_NONE);
		CHECK(strncmp(c.problem.data, "unsupported command in "
		    "smtp_header_checks map: ", 45) == 0);
	}
	checks_parse(CHECKS_SMTP, CHECKS_HEADER, "x", "STRIP x", &c);
	CHECK_INT(c.action, CHECK_STRIP);
	checks_parse(CHECKS_MILTER, CHECKS_HEADER, "x", "PREPEND X: y", &c);
	CHECK_INT(c.action, CHECK_NONE);
	checked_done(&c);
}

/* What "$1" took from a folded field stays folded: no line that came from
 * outside becomes a field of its own. */
static void
quoted_line_ends_stay_folds(void)
{
	struct checked c = CHECKED_INIT;

	checks_parse(CHECKS_CLEANUP, CHECKS_HEADER, "x",
	    "REPLACE X: a\n b\nBcc: c", &c);
	CHECK_STR(c.text.data, "X: a\n b\n Bcc: c");
	checked_done(&c);
}

/* --- tables */

static struct checks *
open_checks(enum checks_user user, const char *table)
{
	const struct checks_names names[CHECKS_KINDS] = {
		[CHECKS_HEADER] = { "header_checks", table },
		[CHECKS_BODY] = { "body_checks", "" },
	};

	return checks_open(user, 0, names);
}

static void
asks_tables(void)
{
	struct checks *c = open_checks(CHECKS_CLEANUP,
	    "regexp:{{/^Subject:.*money/ REJECT no},{/a\n b/ WARN}}");
	struct checked got = CHECKED_INIT;

	CHECK(checks_want(c, CHECKS_HEADER) && checks_want_any(c));
	CHECK(!checks_want(c, CHECKS_BODY) && !checks_want(c, CHECKS_MIME));
	checks_find(c, CHECKS_HEADER, STR("subject: more money"), &got);
	CHECK_INT(got.action, CHECK_REJECT);
	checks_find(c, CHECKS_HEADER, STR("Subject: less"), &got);
	CHECK_INT(got.action, CHECK_NONE);
	CHECK_STR(got.text.data, "");
	checks_find(c, CHECKS_HEADER, STR(""), &got);
	CHECK_INT(got.action, CHECK_NONE);
	checks_find(c, CHECKS_BODY, STR("Subject: money"), &got);
	CHECK_INT(got.action, CHECK_NONE);
	/* a slice, not a string */
	checks_find(c, CHECKS_HEADER, (struct str){ "Subject: money", 11 },
	    &got);
	CHECK_INT(got.action, CHECK_NONE);
	checked_done(&got);
	checks_close(c);
}

static void
a_table_that_fails_says_try_later(void)
{
	struct checks *c = open_checks(CHECKS_CLEANUP, "regexp:/nonexistent");
	struct checked got = CHECKED_INIT;

	checks_find(c, CHECKS_HEADER, STR("Subject: x"), &got);
	CHECK_INT(got.action, CHECK_FAILED);
	CHECK_STR(got.problem.data, "header_checks map lookup problem");
	checked_done(&got);
	checks_close(c);
}

static void
mime_fields_have_their_own_tables(void)
{
	struct mime_field f = { .where = MIME_PRIMARY };

	CHECK_INT(checks_kind_of(&f), CHECKS_HEADER);
	f.where = MIME_NESTED;
	CHECK_INT(checks_kind_of(&f), CHECKS_NESTED);
	f.fact = header_find(STR("content-type"));
	CHECK_INT(checks_kind_of(&f), CHECKS_MIME);
	f.where = MIME_PRIMARY;
	CHECK_INT(checks_kind_of(&f), CHECKS_MIME);
	f.fact = header_find(STR("subject"));
	CHECK_INT(checks_kind_of(&f), CHECKS_HEADER);
	f.where = MIME_PART;
	CHECK_INT(checks_kind_of(&f), CHECKS_MIME);
}

static void
log_lines_are_bounded(void)
{
	struct checked c = CHECKED_INIT;
	struct buf     line = BUF_INIT, text = BUF_INIT;

	c.action = CHECK_WARN;
	checks_log_line(&line, CHECKS_HEADER, &c, STR("Subject: x"),
	    " from a[b];");
	CHECK_STR(line.data, "warning: header Subject: x from a[b];");
	buf_clear(&line);
	buf_adds(&c.text, "why");
	checks_log_line(&line, CHECKS_BODY, &c, STR("x"), "");
	CHECK_STR(line.data, "warning: body x: why");
	buf_clear(&line);
	for (int i = 0; i < 1000; i++)
		buf_addc(&text, 'x');
	checks_log_line(&line, CHECKS_BODY, &c,
	    (struct str){ text.data, text.len }, "");
	CHECK_INT(line.len, strlen("warning: body : why") + 200);
	buf_clear(&line);
	c.action = CHECK_IGNORE;
	checks_log_line(&line, CHECKS_BODY, &c, STR("x"), "");
	CHECK_STR(line.data, "");
	buf_done(&line);
	buf_done(&text);
	checked_done(&c);
}

int
main(void)
{
	TEST(understands_every_action);
	TEST(a_client_may_not_change_where_mail_goes);
	TEST(quoted_line_ends_stay_folds);
	TEST(asks_tables);
	TEST(a_table_that_fails_says_try_later);
	TEST(mime_fields_have_their_own_tables);
	TEST(log_lines_are_bounded);
	return test_end();
}
