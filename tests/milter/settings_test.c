#include "milter/settings.h"
#include "tests/test.h"

static const struct milter_settings defaults = {
	.default_action = "tempfail", .protocol = "6",
	.connect_timeout = 30, .command_timeout = 31, .content_timeout = 300,
};

static void
a_list_names_milters_with_settings(void)
{
	const char	   *why = "";
	struct milter_list *l = milter_list_new("inet:a:1, { unix:/b,"
	    " default_action=accept, { connect_timeout = 5m },"
	    " command_timeout=7 } {inet:c:2}", &defaults, &why);

	CHECK(l != NULL && l->count == 3);
	if (l == NULL)
		return;
	CHECK_STR(l->items[0].name, "inet:a:1");
	CHECK_INT(l->items[0].command_timeout, 31);
	CHECK_STR(l->items[1].name, "unix:/b");
	CHECK_STR(l->items[1].default_action, "accept");
	CHECK_INT(l->items[1].connect_timeout, 300);
	CHECK_INT(l->items[1].command_timeout, 7);
	CHECK_INT(l->items[1].content_timeout, 300);
	CHECK_STR(l->items[2].name, "inet:c:2");
	milter_list_free(l);
}

static void
unknown_settings_are_named(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "{ inet:a:1, foo=bar }", "unknown option: \"foo=bar\"" },
		{ "{ inet:a:1, { foo = bar } }",
		    "unknown option: \"foo = bar\"" },
		{ "{ inet:a:1, connect_timeout=soon }",
		    "unknown option: \"connect_timeout=soon\"" },
		{ "{ inet:a:1, accept }", "unknown option: \"accept\"" },
		{ "{ }", "empty list of milter settings" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *why = "";

		CHECK(milter_list_new(rows[i].text, &defaults, &why) == NULL);
		CHECK_STR(why, rows[i].why);
	}
}

static void
a_version_may_come_with_an_extension(void)
{
	struct pool pool = POOL_INIT;
	uint32_t    version = 0, bits = 0;
	const char *bad = "";

	CHECK(milter_version_parse(&pool, "6", &version, &bits, &bad));
	CHECK(version == 6 && bits == 0);
	CHECK(milter_version_parse(&pool, "2 no_header_reply", &version,
	    &bits, &bad));
	CHECK(version == 2 && bits == MILTER_NR_HEADER);
	CHECK(!milter_version_parse(&pool, "5", &version, &bits, &bad));
	CHECK_STR(bad, "5");
	CHECK(!milter_version_parse(&pool, "6 7", &version, &bits, &bad));
	CHECK(!milter_version_parse(&pool, "", &version, &bits, &bad));
	pool_done(&pool);
}

static void
macros_are_words(void)
{
	struct pool	   pool = POOL_INIT;
	const char *const *n = milter_names_parse(&pool, "i, {x}  v");

	CHECK_STR(n[0], "i");
	CHECK_STR(n[1], "{x}");
	CHECK_STR(n[2], "v");
	CHECK(n[3] == NULL);
	CHECK(milter_names_parse(&pool, "")[0] == NULL);
	pool_done(&pool);
}

static void
macro_values_have_two_forms(void)
{
	struct pool		   pool = POOL_INIT;
	const char		  *why = "";
	const struct milter_value *v = milter_values_parse(&pool,
	    "{a}=one, b=two { {c} = three four } {dd=five}", &why);

	CHECK(v != NULL);
	if (v == NULL)
		return;
	CHECK_STR(v[0].name, "{a}");
	CHECK_STR(v[0].value, "one");
	CHECK_STR(v[1].name, "b");
	CHECK_STR(v[2].name, "{c}");
	CHECK_STR(v[2].value, "three four");
	CHECK_STR(v[3].name, "{dd}");
	CHECK(v[4].name == NULL);
	CHECK(milter_values_parse(&pool, "junk", &why) == NULL);
	pool_done(&pool);
}

static void
default_actions_have_names(void)
{
	enum milter_default d;

	CHECK(milter_default_parse("accept", &d) &&
	    d == MILTER_DEFAULT_ACCEPT);
	CHECK(milter_default_parse("shutdown", &d) &&
	    d == MILTER_DEFAULT_SHUTDOWN);
	CHECK(!milter_default_parse("nonsense", &d));
}

int
main(void)
{
	TEST(a_list_names_milters_with_settings);
	TEST(unknown_settings_are_named);
	TEST(a_version_may_come_with_an_extension);
	TEST(macros_are_words);
	TEST(macro_values_have_two_forms);
	TEST(default_actions_have_names);
	return test_end();
}
