#include "conf/conf.h"
#include "conf/master_cf.h"
#include "tests/test.h"

static struct service_table table;

/* "ok" or the message. */
static const char *
parsing(const char *text)
{
	struct buf  content = BUF_INIT;
	const char *why = NULL;
	bool	    ok;

	master_cf_done(&table);
	buf_adds(&content, text);
	ok = master_cf_parse(&table, "master.cf", &content, 100, &why);
	buf_done(&content);
	return ok ? "ok" : why;
}

static void
reads_columns_with_their_defaults(void)
{
	const struct service *s;

	CHECK_STR(parsing("# services\n"
	    "smtp      inet  n       -       y       -       -       smtpd\n"
	    "pickup    unix  n       -       n       60      1       pickup\n"
	    "flush     unix  -       y       n       1000?   0       flush\n"
	    "postlog   unix-dgram n  n       n       -       1       postlogd"
	    ), "ok");
	CHECK_INT(table.count, 4);
	s = &table.services[0];
	CHECK_STR(s->name, "smtp");
	CHECK(s->type == SERVICE_INET);
	CHECK(!s->is_private && s->unprivileged && s->chroot);
	CHECK_INT(s->wakeup, 0);
	CHECK_INT(s->maxproc, 100);
	CHECK_STR(s->program, "smtpd");
	CHECK_INT(s->line, 2);
	s = &table.services[2];
	CHECK(s->is_private && s->unprivileged && !s->chroot);
	CHECK_INT(s->wakeup, 1000);
	CHECK(s->wakeup_if_used);
	CHECK_INT(s->maxproc, 0);
	CHECK(master_cf_find(&table, "postlog", SERVICE_UNIX_DGRAM) != NULL);
	CHECK(master_cf_find(&table, "postlog", SERVICE_UNIX) == NULL);
}

static void
reads_arguments_with_braces_and_continuation_lines(void)
{
	static const char *const want[] = {
		"smtpd", "-v", "-o", "a=b", "-o", "x=y, z", "-o", "e=",
		"plain", "text with space", "-o", "{", "a = b", NULL,
	};
	const struct service *s;

	CHECK_STR(parsing("587 inet n - n - - smtpd -v\n\t-o a=b\r\n"
	    "# between\n  -o { x = y, z }\n\n -o e= plain "
	    "{ text with space } -o {{} {a = b}"), "ok");
	s = &table.services[0];
	CHECK_INT(s->argc, 12);
	for (int i = 0; i < s->argc && i < 10; i++)
		CHECK_STR(s->argv[i], want[i]);
	CHECK(s->argv[s->argc] == NULL);
}

static void
the_last_of_two_entries_counts_with_a_note(void)
{
	CHECK_STR(parsing("a unix - - n - 1 x\nb unix - - n - 1 x\n"
	    "a unix - - n - 2 y\na inet - - n - 3 z\n"), "ok");
	CHECK_INT(table.count, 3);
	CHECK_STR(master_cf_find(&table, "a", SERVICE_UNIX)->program, "y");
	CHECK_STR(table.notes.data, "duplicate master.cf entry for service "
	    "\"a\" (private/a) -- using the last entry\n");
}

static void
an_entry_given_twice_is_named_by_its_port(void)
{
	CHECK_STR(parsing("2525 inet n - n - - x\n2525 inet n - n - - x\n"
	    "localhost:26 inet n - n - - x\nlocalhost:26 inet n - n - - x\n"
	    "[::1]:27 inet n - n - - x\n[::1]:27 inet n - n - - x\n"), "ok");
	CHECK_STR(table.notes.data,
	    "duplicate master.cf entry for service \"2525\" (2525) -- using"
	    " the last entry\n"
	    "duplicate master.cf entry for service \"localhost:26\""
	    " ([localhost]:26) -- using the last entry\n"
	    "duplicate master.cf entry for service \"[::1]:27\""
	    " ([::1]:27) -- using the last entry\n");
}

static void
wrong_options_are_notes(void)
{
	CHECK_STR(parsing("  stray = 1\n"
	    "a unix - - n - 1 x -o {=} -o noequal -o {noequal}\n"
	    " -o {a = b}c -o { open\n"), "ok");
	CHECK_STR(table.notes.data, "master.cf: logical line must not start "
	    "with whitespace: \"  stray = 1\"\n"
	    "master.cf: missing attribute name: \"=\"\n"
	    "master.cf: missing '=' after attribute name: \"noequal\"\n"
	    "master.cf: syntax error after '}' in \"{a = b}c\"\n"
	    "master.cf: missing '}' in \"{ open\"\n"
	    "master.cf: missing '=' after attribute name: \"open\"\n");
}

static void
says_which_column_is_wrong(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "smtp inet n - n - -", "file master.cf: line 1: bad field "
		    "count; write \"service type private unprivileged chroot "
		    "wakeup maxproc command\"" },
		{ "smtp", "file master.cf: line 1: bad field count; write "
		    "\"service type private unprivileged chroot wakeup "
		    "maxproc command\"" },
		{ "smtp strange n - n - - smtpd", "invalid type field "
		    "\"strange\" in \"smtp strange n - n - - smtpd\"; "
		    "master.cf, line 1: write inet, unix, unix-dgram, fifo "
		    "or pass" },
		{ "\nx inet n - q - - y", "invalid chroot field \"q\" in "
		    "\"x inet n - q - - y\"; master.cf, line 2: write y, n "
		    "or -" },
		{ "x inet n - n 1m - y", "invalid wakeup field \"1m\" in "
		    "\"x inet n - n 1m - y\"; master.cf, line 1: write "
		    "seconds, with '?' behind them if you like, or -" },
		{ "x inet n - n - -1 y", "invalid process_limit field \"-1\" "
		    "in \"x inet n - n - -1 y\"; master.cf, line 1: write a "
		    "number, 0 for no limit, or -" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_STR(parsing(rows[i].text), rows[i].why);
}

static void
chroot_is_the_default_of_old_configurations(void)
{
	const char *why;

	CHECK_STR(parsing("a unix - - - - 1 x\nb unix - - - - 1 x\n"), "ok");
	CHECK(table.services[0].chroot && table.services[1].chroot);
	CHECK_STR(table.notes.data, "master.cf, line 1: using "
	    "backwards-compatible default setting chroot=y; write y or n "
	    "there, or a compatibility_level in main.cf\n");
	CHECK(conf_override("compatibility_level=1", &why));
	CHECK_STR(parsing("a unix - - - - 1 x\n"), "ok");
	CHECK(!table.services[0].chroot);
	CHECK_STR(table.notes.data, "");
}

int
main(void)
{
	table.notes = (struct buf)BUF_INIT;
	TEST(reads_columns_with_their_defaults);
	TEST(reads_arguments_with_braces_and_continuation_lines);
	TEST(the_last_of_two_entries_counts_with_a_note);
	TEST(an_entry_given_twice_is_named_by_its_port);
	TEST(wrong_options_are_notes);
	TEST(says_which_column_is_wrong);
	TEST(chroot_is_the_default_of_old_configurations);
	master_cf_done(&table);
	return test_end();
}
