#include "mail/bounce_template.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/mem.h"

static int warnings;

static const char *
value(const char *name)
{
	return strcmp(name, "myhostname") == 0 ? "mx.example" : NULL;
}

static void
count_warning(const char *text)
{
	(void)text;
	warnings++;
}

static const struct bounce_template_values values = {
	.value = value, .delay_warning_seconds = 4 * 3600,
	.queue_lifetime_seconds = 5 * 86400, .warn = count_warning,
};

static void
the_built_in_texts_expand(void)
{
	struct bounce_templates set;
	struct buf		b = BUF_INIT;
	const char	       *why;

	bounce_templates_init(&set);
	CHECK(bounce_template_expand(&b, &set.t[TEMPLATE_DELAY], &values,
	    &why));
	CHECK(strncmp(b.data, "This is the mail system at host mx.example.\n",
	    44) == 0);
	CHECK(strstr(b.data, "for more than 4 hour(s).\n"
	    "It will be retried until it is 5 day(s) old.\n") != NULL);
	CHECK_INT(warnings, 0);
	bounce_templates_done(&set);
	buf_done(&b);
}

static void
a_unit_that_gives_zero_is_warned_of(void)
{
	struct bounce_templates	      set;
	struct bounce_template_values v = values;
	struct buf		      b = BUF_INIT;
	const char		     *why;

	bounce_templates_init(&set);
	v.delay_warning_seconds = 60;
	CHECK(bounce_template_expand(&b, &set.t[TEMPLATE_DELAY], &v, &why));
	CHECK_INT(warnings, 3);
	buf_done(&b);
}

static void
a_file_replaces_what_it_has(void)
{
	struct bounce_templates set;
	struct buf		why = BUF_INIT, b = BUF_INIT;
	const char	       *reason;
	char *text = mem_strdup("# comment\n\nfailure_template = <<EOF\n"
	    "Charset: utf-8\nFrom: x (y)\nsubject: Sorry\n\n"
	    "Host $myhostname, $$5.\n  indented\n\nEOF\n"
	    "delay_template=<<END\nSubject: Late\n\nlate\nEND\n");

	bounce_templates_init(&set);
	CHECK(bounce_templates_parse(&set, text, "file", NULL, &why));
	CHECK_STR(why.data, "");
	CHECK_STR(set.t[TEMPLATE_FAILURE].subject, "Sorry");
	CHECK_STR(set.t[TEMPLATE_FAILURE].from, "x (y)");
	CHECK_STR(set.t[TEMPLATE_FAILURE].charset, "utf-8");
	CHECK_STR(set.t[TEMPLATE_DELAY].subject, "Late");
	CHECK_STR(set.t[TEMPLATE_DELAY].text, "late\n");
	CHECK_STR(set.t[TEMPLATE_SUCCESS].subject,
	    "Successful Mail Delivery Report");
	CHECK(bounce_template_expand(&b, &set.t[TEMPLATE_FAILURE], &values,
	    &reason));
	CHECK_STR(b.data, "Host mx.example, $5.\n  indented\n\n");
	mem_free(text);
	buf_done(&why);
	buf_done(&b);
}

static void
wrong_files_change_nothing(void)
{
	static const struct { const char *text, *why; } rows[] = {
		{ "failure_template = <<\nSubject: x\n\ntext\n",
		    "f, line 1: missing end marker after <<" },
		{ "\nfailure_template\n", "f, line 2: missing '=' after "
		    "attribute name: \"failure_template\"; write "
		    "\"failure_template = <<EOF\"" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bounce_templates set;
		struct buf		why = BUF_INIT;
		char		       *text = mem_strdup(rows[i].text);

		bounce_templates_init(&set);
		CHECK(!bounce_templates_parse(&set, text, "f", NULL, &why));
		CHECK_STR(why.data, rows[i].why);
		CHECK_STR(set.t[TEMPLATE_FAILURE].subject,
		    "Undelivered Mail Returned to Sender");
		mem_free(text);
		buf_done(&why);
	}
}

static struct buf told = BUF_INIT;

static void
note(const char *text)
{
	buf_addf(&told, "%s\n", text);
}

/* In each: is the subject "x" then, and what was said? */
static void
a_wrong_template_is_left_out_with_a_warning(void)
{
	static const struct { const char *text; bool used; const char *told; }
	rows[] = {
		{ "failure_template = <<EOF\nSubject: x\n\ntext", true,
		    "f, line 5: missing \"EOF\" end marker\n" },
		{ "failure_template = <<EOF\nSubject: x\nno empty line\n"
		    "EOF\n", true, "" },
		{ "failure_template = <<EOF\nSubject: x\nFoo: y\n\nt\nEOF",
		    false, "f: unknown \"Foo\" header label in failure "
		    "template -- ignoring this template\n" },
		{ "failure_template = <<EOF\nSubject: x\nFrom: \303\244\n\n"
		    "t\nEOF", false, "f: non-ASCII \"From\" header value in "
		    "failure template -- ignoring this template\n" },
		{ "failure_template = <<EOF\nSubject: x\n\nEOF\n", false,
		    "f: missing message text in failure template -- ignoring "
		    "this template\n" },
		{ "failure_template = <<EOF\nSubject: x\n\n\303\244\nEOF\n",
		    false, "f: 8-bit message text in failure template\n"
		    "please specify a charset value other than us-ascii\n"
		    "-- ignoring this template for now\n" },
		{ "other_template = <<EOF\nSubject: x\n\nt\nEOF\n", false,
		    "f, line 1: unknown template name: other_template -- "
		    "ignoring this template\n" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bounce_templates set;
		struct buf		why = BUF_INIT;
		char		       *text = mem_strdup(rows[i].text);

		buf_clear(&told);
		bounce_templates_init(&set);
		CHECK(bounce_templates_parse(&set, text, "f", note, &why));
		CHECK_STR(told.data, rows[i].told);
		CHECK_INT(strcmp(set.t[TEMPLATE_FAILURE].subject, "x") == 0,
		    rows[i].used);
		mem_free(text);
	}
}

int
main(void)
{
	TEST(the_built_in_texts_expand);
	TEST(a_unit_that_gives_zero_is_warned_of);
	TEST(a_file_replaces_what_it_has);
	TEST(wrong_files_change_nothing);
	TEST(a_wrong_template_is_left_out_with_a_warning);
	return test_end();
}
