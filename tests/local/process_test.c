#include <stdlib.h>

#include "local/process.h"
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

int
main(void)
{
	TEST(exports_what_is_there_and_what_is_said);
	TEST(has_one_value_of_a_name_the_last);
	TEST(leaves_out_what_is_too_much);
	return test_end();
}
