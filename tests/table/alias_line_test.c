#include "table/alias_line.h"
#include "tests/test.h"
#include "util/buf.h"

static void
lines_are_split_into_name_and_values(void)
{
	static const struct {
		const char	*line;
		enum alias_line	 result;
		const char	*name, *value;
	} rows[] = {
		{ "simple: target", ALIAS_LINE_OK, "simple", "target" },
		{ "\"quoted name\": t", ALIAS_LINE_OK, "quoted name", "t" },
		{ "list: one, two, three,\tfour", ALIAS_LINE_OK, "list",
		    "one, two, three, four" },
		{ "cmd: \"|/bin/prog arg, more\"", ALIAS_LINE_OK, "cmd",
		    "\"|/bin/prog arg, more\"" },
		{ "inc: :include:/tmp/list", ALIAS_LINE_OK, "inc",
		    ":include:/tmp/list" },
		{ "trailing: a, ,b,,", ALIAS_LINE_OK, "trailing",
		    "a, , b, , " },
		{ "two words: t", ALIAS_LINE_OK, "two words", "t" },
		{ "escaped\\:name: y", ALIAS_LINE_OK, "escaped:name", "y" },
		{ "a(x) : b (y)c", ALIAS_LINE_OK, "a (x)", "b (y) c" },
		{ "a: \"unclosed", ALIAS_LINE_OK, "a", "\"unclosed\"" },
		{ "a: b\"c\"d", ALIAS_LINE_OK, "a", "b \"c\" d" },
		{ "a: b\\ c", ALIAS_LINE_OK, "a", "\"b c\"" },
		{ "a: g : b . c @ d ;", ALIAS_LINE_OK, "a", "g:b.c@d;" },
		{ "a: b <c> (d)", ALIAS_LINE_OK, "a", "b <c>(d)" },
		{ "a: [1.2", ALIAS_LINE_OK, "a", "[1.2]" },
		{ "a: |\"c d\"", ALIAS_LINE_OK, "a", "|\"c d\"" },
		{ "a,b: c", ALIAS_LINE_NO_PAIR, NULL, NULL },
		{ "nocolon", ALIAS_LINE_NO_PAIR, NULL, NULL },
		{ "empty:", ALIAS_LINE_NO_PAIR, NULL, NULL },
		{ "\"\": y", ALIAS_LINE_OK, "", "y" },
		{ ": noname", ALIAS_LINE_NO_PAIR, NULL, NULL },
		{ "x@home.example: y", ALIAS_LINE_DOMAIN, NULL, NULL },
		{ "a\\", ALIAS_LINE_NO_PAIR, NULL, NULL },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf name = BUF_INIT, value = BUF_INIT;

		CHECK_INT(alias_line_parse(rows[i].line, &name, &value),
		    rows[i].result);
		if (rows[i].name != NULL) {
			CHECK_STR(name.data, rows[i].name);
			CHECK_STR(value.data, rows[i].value);
		}
		buf_done(&name);
		buf_done(&value);
	}
}

int
main(void)
{
	TEST(lines_are_split_into_name_and_values);
	return test_end();
}
