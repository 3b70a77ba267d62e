#include "conf/conf.h"
#include "conf/level.h"
#include "tests/test.h"
#include "util/buf.h"

static const struct {
	const char *name, *text;
} values[] = {
	{ "b", "B" },	       { "empty", "" },	   { "two", "$b$b" },
	{ "loop", "x$loop" },  { "money", "$$5" }, { "level", "3.10" },
	{ "a1", "$a2$a2" },    { "a2", "$a3$a3" }, { "a3", "$a4$a4" },
	{ "bad", "$" },	       { "hollow", "$nosuch" },
};

static const char *
get(void *arg, const char *name)
{
	(void)arg;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (strcmp(name, values[i].name) == 0)
			return values[i].text;
	return NULL;
}

static const char *
expand(const char *text)
{
	static struct buf out = BUF_INIT;
	const char	 *why = NULL;

	buf_clear(&out);
	if (!conf_expand(&out, text, get, NULL, &why))
		return why;
	return out.data;
}

struct row {
	const char *text, *want;
};

static void
check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		CHECK_STR(expand(rows[i].text), rows[i].want);
}

#define CHECK_ROWS(rows) check(rows, sizeof(rows) / sizeof *(rows))

static void
replaces_names_by_their_values(void)
{
	static const struct row rows[] = {
		{ "", "" },		   { "plain", "plain" },
		{ "$b", "B" },		   { "x${b}y", "xBy" },
		{ "x$(b)y", "xBy" },	   { "$b.$b-$b", "B.B-B" },
		{ "$two", "BB" },	   { "$nosuch", "" },
		{ "a$empty.", "a." },	   { "$$b", "$b" },
		{ "$money", "$5" },	   { "${ b}", "B" },
		{ "x${b}}", "xB}" },	   { "$b%", "B%" },
		{ "$a1", "" },
	};

	CHECK_ROWS(rows);
}

static void
chooses_by_a_name(void)
{
	static const struct row rows[] = {
		{ "${b?yes}", "yes" },
		{ "${b? yes }", " yes " },
		{ "${b?yes:no}", "yes:no" },
		{ "${empty?yes:no}", "" },
		{ "${nosuch:no}", "no" },
		{ "${hollow?yes}${hollow:no}", "yes" },
		{ "${?yes}${:no}", "no" },
		{ "${b:no}", "" },
		{ "${b?{yes}}", "yes" },
		{ "${b?{ yes }}", " yes " },
		{ "${b?{yes}:{no}}", "yes" },
		{ "${nosuch?{yes}:{no}}", "no" },
		{ "${nosuch?{yes}:no}", "no" },
		{ "${nosuch ? {yes} : {no}}", "no" },
		{ "${b ? {yes} : {no} }", "yes" },
		{ "${nosuch:  z}", "  z" },
		{ "${b?${b?${b}}}", "B" },
		{ "${b?yes{z}w}", "yes{z}w" },
		{ "${nosuch?{a}:${b}c}", "Bc" },
		{ "$(b?(p):(q))", "(p):(q)" },
		{ "$(b?{p}:{q})", "p" },
	};

	CHECK_ROWS(rows);
}

static void
compares(void)
{
	static const struct row rows[] = {
		{ "${{a}=={a}?{same}:{other}}", "same" },
		{ "${{a} == {b} ? {same} : {other}}", "other" },
		{ "${{ a }=={a}?{same}}", "" },
		{ "${{a}!={b}}", "true" },
		{ "${{a}=={b}}", "" },
		{ "${{3} < {12} ? {less} : {more}}", "less" },
		{ "${{3} < {12a} ? {less} : {more}}", "more" },
		{ "${{010}=={10}?{y}:{n}}", "y" },
		{ "${{99999999999999999999999}<{5}?{y}:{n}}", "n" },
		{ "${{}=={}?{y}:{n}}", "y" },
		{ "${{2}>={2}?{y}}${{2}<={2}?{y}}${{2}>{2}?{y}}", "yy" },
		{ "${{$b}=={B}?{y}:{n}}", "y" },
		{ "${{a}=={b}:{f}}", "f" },
		{ "${{$level} <level {3.9} ? {old} : {new}}", "new" },
		{ "${{$level} < {3.9} ? {old} : {new}}", "old" },
		{ "${{1}<level{2}?{y}:{n}}", "y" },
	};

	CHECK_ROWS(rows);
}

static void
names_domains_in_ascii(void)
{
	static const struct row rows[] = {
		{ "${domain_to_ascii{example.com}}", "example.com" },
		{ "${domain_to_ascii{b\303\274cher.example}}",
		    "xn--bcher-kva.example" },
		{ "${domain_to_ascii{$b}}", "B" },
	};

	CHECK_ROWS(rows);
}

static void
says_what_is_wrong(void)
{
	static const struct row rows[] = {
		{ "x${b", "truncated macro reference: \"x${b\"" },
		{ "x$(b}", "truncated macro reference: \"x$(b}\"" },
		{ "cost $", "empty macro name: \"cost $\"" },
		{ "a$%b", "empty macro name: \"a$%b\"" },
		{ "$()", "empty macro name: \"$()\"" },
		{ "$bad", "empty macro name: \"$\"" },
		{ "$loop", "unreasonable macro call nesting: \"loop\"" },
		{ "${b.c}", "attribute name syntax error at: "
		    "\"...b>>>.c\"" },
		{ "${b?{yes}x}", "\":\" expected at: \"...yes}>>>x\"" },
		{ "${b?{p}:{q}r}", "unexpected input at: "
		    "\"...q}>>>r\"" },
		{ "${nofunction{x}}", "attribute name syntax error at: "
		    "\"...nofunction>>>{x}\"" },
		{ "${{3}== 3}", "\"{expression}\" expected at: "
		    "\"...{3} ==>>> 3\"" },
		{ "${{3} <= number {3}}", "\"{expression}\" expected at: "
		    "\"...{3} <=>>> number {3}\"" },
		{ "${{3}<=number{3}}", "bad operator suffix at: "
		    "\"...<=>>>number\"" },
		{ "${{3}=={3} x}", "\"?\" or \":\" expected at: "
		    "\"...}>>>x\"" },
		{ "${$b}", "attribute name syntax error at: "
		    "\"...>>>$b\"" },
		{ "${{1}<level{b}?{y}:{n}}",
		    "malformed compatibility level syntax: \"b\"" },
	};

	CHECK_ROWS(rows);
	CHECK(strstr(expand("${{3} = {3}}"), "expected at: \"...3}>>>= {3}\"")
	    != NULL);
	CHECK(strstr(expand("${{3}"), "truncated") != NULL);
}

/* d0 = $d1$d1, d1 = $d2$d2, ... */
static const char *
double_it(void *arg, const char *name)
{
	static char texts[60][40];
	int	    i = atoi(name + 1);

	(void)arg;
	if (name[0] != 'd' || i >= 60)
		return "";
	snprintf(texts[i], sizeof texts[i], "$d%d$d%d", i + 1, i + 1);
	return texts[i];
}

static void
gives_up_on_values_that_explode(void)
{
	struct buf  out = BUF_INIT, nested = BUF_INIT;
	const char *why = NULL;

	CHECK(!conf_expand(&out, "$d0", double_it, NULL, &why));
	CHECK(strstr(why, "more than") != NULL);

	for (int i = 0; i < 100000; i++)
		buf_adds(&nested, "${b?");
	for (int i = 0; i < 100000; i++)
		buf_adds(&nested, "}");
	CHECK(!conf_expand(&out, nested.data, get, NULL, &why));
	buf_done(&out);
	buf_done(&nested);
}

static void
orders_compatibility_levels(void)
{
	static const struct {
		const char *a, *b;
	} rising[] = {
		{ "0", "1" }, { "1", "2" }, { "2", "3.6" }, { "3.6", "3.10" },
		{ "3", "3.0.1" }, { "3.10.2", "3.11" }, { "3.11", "9999" },
		{ "3.1023", "8796093022207" },
	};
	static const char *const bad[] = {
		"", "abc", "3.", ".3", "3.6.1.2", "3 ", "-1", "3.6x", "3.1024",
		"8796093022208",
	};
	long a, b;

	for (size_t i = 0; i < sizeof rising / sizeof *rising; i++)
		CHECK(level_parse(rising[i].a, &a) &&
		    level_parse(rising[i].b, &b) && a < b);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!level_parse(bad[i], &a));
}

int
main(void)
{
	TEST(replaces_names_by_their_values);
	TEST(chooses_by_a_name);
	TEST(compares);
	TEST(names_domains_in_ascii);
	TEST(says_what_is_wrong);
	TEST(gives_up_on_values_that_explode);
	TEST(orders_compatibility_levels);
	return test_end();
}
