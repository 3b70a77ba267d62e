#include <stdlib.h>

#include "local/process.c"
#include "tests/test.h"
#include "util/mem.h"

static const char *
joined(const struct process_env *e)
{
	static char text[1000];

	*text = '\0';
	for (int i = 0; i < e->count; i++) {
		strcat(text, e->vars[i]);
		strcat(text, ";");
	}
	CHECK(e->vars[e->count] == NULL);
	return text;
}

static void
exports_what_is_there_and_what_is_said(void)
{
	struct pool	   pool = POOL_INIT;
	struct process_env e;

	setenv("TZ", "Europe/Bern", 1);
	unsetenv("NOT_THERE");
	process_env_init(&e, &pool, "TZ, NOT_THERE LANG=C { A = b c }");
	process_env_add(&e, &pool, "USER", "eve");
	process_env_add(&e, &pool, "EXTENSION", NULL);
	CHECK_STR(joined(&e), "TZ=Europe/Bern;LANG=C;A=b c;PATH=/usr/bin:/bin;"
	    "USER=eve;");
	pool_done(&pool);
}

/* Two values of a name: programs differ in which they take. */
static void
has_one_value_of_a_name_the_last(void)
{
	struct pool	   pool = POOL_INIT;
	struct process_env e;

	process_env_init(&e, &pool, "PATH=/home/eve HOME=/ HOMER=x");
	process_env_add(&e, &pool, "HOME", "/home/ann");
	CHECK_STR(joined(&e), "PATH=/usr/bin:/bin;HOME=/home/ann;HOMER=x;");
	pool_done(&pool);
}

static void
leaves_out_what_is_too_much(void)
{
	struct pool	   pool = POOL_INIT;
	struct process_env e;
	char		   name[20];

	process_env_init(&e, &pool, "");
	for (int i = 0; i < 2 * PROCESS_ENV_MAX; i++) {
		snprintf(name, sizeof name, "V%d", i);
		process_env_add(&e, &pool, name, "");
	}
	CHECK(e.count == PROCESS_ENV_MAX && e.vars[e.count] == NULL);
	pool_done(&pool);
}

static void
what_a_command_says_becomes_one_line(void)
{
	static const struct { const char *said; size_t len; const char *line; }
	rows[] = {
		{ "one\ntwo\tthree\n", 14, "one two three " },
		{ "5.1.1\t\tx\ty", 10, "5.1.1  x y" },
		{ "a\rb\1c\033d\177", 9, "a_b_c_d_" },
		{ "gr\303\274n", 6, "gr\303\274n" },
		{ "gr\374n \303\274", 7, "gr_n \303\274" },
		{ "a\0b", 3, "a" },
		{ "\0b", 2, "" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = BUF_INIT;

		buf_add(&b, rows[i].said, rows[i].len);
		clean(&b);
		CHECK_STR(b.data, rows[i].line);
		buf_done(&b);
	}
}

static void
status_and_output_make_the_reason(void)
{
	static const struct {
		int status;
		const char *output;
		bool has_output;
		const char *dsn, *text, *diag;
	} rows[] = {
		{ 75 << 8, "", false, "4.3.0", "temporary failure",
		    "temporary failure" },
		{ 65 << 8, "no ", true, "5.6.0",
		    "data format error. Command output: no ", "no " },
		{ 65 << 8, "", true, "5.6.0",
		    "data format error. Command output: ", "" },
		{ 75 << 8, "5.2.2 full ", true, "5.2.2", "full ", "full " },
		{ 65 << 8, "2.0.0 fine ", true, "5.0.0", "fine ", "fine " },
		{ 9, "5.2.2 full ", true, "4.3.0", "Command died with signal "
		    "9: \"cmd\". Command output: 5.2.2 full ", "5.2.2 full " },
		{ 7 << 8, "", false, "5.3.0",
		    "Command died with status 7: \"cmd\"",
		    "unknown mail system error 7" },
		{ -1, "", false, "5.3.0",
		    "Command time limit exceeded: \"cmd\"",
		    "internal software error" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = BUF_INIT;
		struct why why = WHY_INIT;

		buf_adds(&b, rows[i].output);
		explain(&why, rows[i].status, "cmd", &b, rows[i].has_output);
		CHECK_STR(why.dsn, rows[i].dsn);
		CHECK_STR(why.text.data, rows[i].text);
		CHECK_STR(why.diag_text.data, rows[i].diag);
		why_done(&why);
		buf_done(&b);
	}
}

int
main(void)
{
	TEST(exports_what_is_there_and_what_is_said);
	TEST(has_one_value_of_a_name_the_last);
	TEST(leaves_out_what_is_too_much);
	TEST(what_a_command_says_becomes_one_line);
	TEST(status_and_output_make_the_reason);
	return test_end();
}
