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

	bounce_templates_init(&set, NULL);
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

	bounce_templates_init(&set, NULL);
	v.delay_warning_seconds = 60;
	CHECK(bounce_template_expand(&b, &set.t[TEMPLATE_DELAY], &v, &why));
	CHECK_INT(warnings, 3);
	buf_done(&b);
}

static void
a_unit_that_gives_a_large_number_is_warned_of(void)
{
	static const struct { const char *text; int seconds, warnings; }
	rows[] = {
		{ "$maximal_queue_lifetime_seconds", 999, 0 },
		{ "$maximal_queue_lifetime_seconds", 1000, 3 },
		{ "$maximal_queue_lifetime_hours", 1000 * 3600, 3 },
		{ "$maximal_queue_lifetime_days", 1000 * 86400, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bounce_template	      t = { .text = rows[i].text };
		struct bounce_template_values v = values;
		struct buf		      b = BUF_INIT;
		const char		     *why;

		warnings = 0;
		t.name = t.origin = "";
		v.queue_lifetime_seconds = rows[i].seconds;
		CHECK(bounce_template_expand(&b, &t, &v, &why));
		CHECK_INT(warnings, rows[i].warnings);
		buf_done(&b);
	}
}

static const char *
own_domain(const char *name)
{
	return strcmp(name, "mydomain") == 0 ? "xn--grn-hoa.example" :
	    "xn--bad--.example";
}

static void
people_read_domains_in_their_letters(void)
{
	struct bounce_template	      t = {
		.name = "", .origin = "",
		.text = "$mydomain $myhostname $other",
	};
	struct bounce_template_values v = values;
	struct buf		      b = BUF_INIT;
	const char		     *why;

	v.value = own_domain;
	CHECK(bounce_template_expand(&b, &t, &v, &why));
	CHECK_STR(b.data, "xn--grn-hoa.example xn--bad--.example "
	    "xn--bad--.example");
	buf_clear(&b);
	v.utf8 = true;
	CHECK(bounce_template_expand(&b, &t, &v, &why));
	CHECK_STR(b.data, "g\303\274rn.example xn--bad--.example "
	    "xn--bad--.example");
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

	bounce_templates_init(&set, NULL);
	CHECK(bounce_templates_parse(&set, text, "file", &why));
	CHECK_STR(why.data, "");
	for (int i = 0; i < TEMPLATE_COUNT; i++)
		bounce_template_get(&set, i);
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
		    "f, line 2: missing end marker after <<" },
		{ "\nfailure_template\n", "f, line 3: missing '=' after "
		    "attribute name: \"failure_template\"" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bounce_templates set;
		struct buf		why = BUF_INIT;
		char		       *text = mem_strdup(rows[i].text);

		bounce_templates_init(&set, NULL);
		CHECK(!bounce_templates_parse(&set, text, "f", &why));
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
		    "f, line 6: unknown template name: other_template -- "
		    "ignoring this template\n" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bounce_templates set;
		struct buf		why = BUF_INIT;
		char		       *text = mem_strdup(rows[i].text);
		const struct bounce_template *t;

		buf_clear(&told);
		bounce_templates_init(&set, note);
		CHECK(bounce_templates_parse(&set, text, "f", &why));
		t = bounce_template_get(&set, TEMPLATE_FAILURE);
		CHECK_STR(told.data, rows[i].told);
		CHECK_INT(strcmp(t->subject, "x") == 0, rows[i].used);
		mem_free(text);
	}
}

int
main(void)
{
	TEST(the_built_in_texts_expand);
	TEST(a_unit_that_gives_zero_is_warned_of);
	TEST(a_unit_that_gives_a_large_number_is_warned_of);
	TEST(people_read_domains_in_their_letters);
	TEST(a_file_replaces_what_it_has);
	TEST(wrong_files_change_nothing);
	TEST(a_wrong_template_is_left_out_with_a_warning);
	return test_end();
}
