#include <fcntl.h>
#include <unistd.h>

#include "table/query.h"
#include "table/sql_quote.h"
#include "table/table.h"
#include "tests/test.h"
#include "util/mem.h"

static bool
plain(void *arg, struct buf *out, struct str text, bool is_literal)
{
	(void)arg;
	if (is_literal)
		buf_add(out, text.p, text.n);
	else
		buf_addf(out, "<%.*s>", (int)text.n, text.p);
	return true;
}

static const char *
expand(const char *tmpl, const char *key)
{
	static struct buf out = BUF_INIT;

	buf_clear(&out);
	if (!query_fits(tmpl, key, false))
		return "-";
	CHECK(query_expand(&out, tmpl, key, plain, NULL));
	return out.data;
}

static void
templates_take_parts_of_the_key(void)
{
	static const struct {
		const char *tmpl, *key, *want;
	} cases[] = {
		{ "a%%b", "k", "a%b" },
		{ "%s", "k", "<k>" },
		{ "%u", "k", "<k>" },
		{ "%d", "k", "-" },
		{ "%u %d", "a@b@c", "<a@b> <c>" },
		{ "%u", "@b", "-" },
		{ "%d", "a@", "-" },
		{ "%S%U%D", "a@b", "<a@b><a><b>" },
		{ "%1 %2 %3", "u@mail.example.com", "<com> <example> <mail>" },
		{ "%4", "u@mail.example.com", "-" },
		{ "%1", "example.com", "-" },
		{ "%1-%2", "a@b.c.", "<c>-<b>" },
		{ "%1-%2", "a@b..c", "<c>-<b>" },
		{ "%1", "a@.", "-" },
		{ "%1", "a@", "-" },
		{ "", "k", "" },
		{ "%s", "", "-" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK_STR(expand(cases[i].tmpl, cases[i].key), cases[i].want);
}

static void
bad_templates_are_found(void)
{
	CHECK(query_template_check("%s %u %d %S %U %D %1 %9 %%") == NULL);
	CHECK(query_template_check("%0") != NULL);
	CHECK(query_template_check("%z") != NULL);
	CHECK(query_template_check("100%") != NULL);
}

/* As the client libraries do it. */
static bool
double_quotes(void *arg, struct buf *out, struct str text)
{
	(void)arg;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'')
			buf_addc(out, '\'');
		buf_addc(out, text.p[i]);
	}
	return true;
}

static bool
add_backslashes(void *arg, struct buf *out, struct str text)
{
	(void)arg;
	for (size_t i = 0; i < text.n; i++) {
		if (strchr("'\"\\", text.p[i]) != NULL)
			buf_addc(out, '\\');
		buf_addc(out, text.p[i]);
	}
	return true;
}

static const char *
quote(enum sql_dialect dialect, const char *tmpl, const char *key)
{
	static struct buf out = BUF_INIT;
	struct sql_quote  q = {
		.dialect = dialect,
		.quote = dialect == SQL_MYSQL ? add_backslashes :
		    double_quotes,
	};

	buf_clear(&out);
	if (!query_expand(&out, tmpl, key, sql_quote_add, &q))
		return "refused";
	return out.data;
}

static void
keys_stay_in_their_quotes(void)
{
	static const struct {
		enum sql_dialect dialect;
		const char	*tmpl, *key, *want;
	} cases[] = {
		{ SQL_SQLITE, "a='%s'", "it's", "a='it''s'" },
		{ SQL_SQLITE, "a='x''%s'", "it's", "a='x''it''s'" },
		{ SQL_SQLITE, "a=\"%s\"", "a\"b'c", "a=\"a\"\"b'c\"" },
		{ SQL_SQLITE, "a=\"it's\" and b='%s'", "'",
		  "a=\"it's\" and b=''''" },
		{ SQL_SQLITE, "a=`%s`", "a`b", "a=`a``b`" },
		{ SQL_SQLITE, "a=%s", "x_1.y", "a=x_1.y" },
		{ SQL_SQLITE, "a=%s", "1 OR 1", "refused" },
		{ SQL_SQLITE, "a='x' or %s", "'", "refused" },
		{ SQL_SQLITE, "a='\\' and b=%s", "1--", "refused" },
		{ SQL_PGSQL, "a='\\%s'", "\\'", "a='\\\\'''" },
		{ SQL_PGSQL, "a=E'%s'", "\\' or", "a=E'\\\\'' or'" },
		{ SQL_PGSQL, "a=e'b''%s'", "\\'", "a=e'b''\\\\'''" },
		{ SQL_PGSQL, "a=E'\\'%s'", "\\'", "a=E'\\'\\\\'''" },
		{ SQL_PGSQL, "a=$$%s$$", "$$; --", "refused" },
		{ SQL_MYSQL, "a='%s'", "\\' or", "a='\\\\\\' or'" },
		{ SQL_MYSQL, "a=\"%s\"", "\" or", "a=\"\\\" or\"" },
		{ SQL_MYSQL, "a='\\'%s'", "'", "a='\\'\\''" },
		{ SQL_MYSQL, "a=`%s`", "`", "a=````" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK_STR(quote(cases[i].dialect, cases[i].tmpl,
		    cases[i].key), cases[i].want);
}

/* A server that doubles single quotes only would leave a string in double
 * quotes open. */
static void
double_quotes_that_nobody_escapes_are_refused(void)
{
	struct buf	 out = BUF_INIT;
	struct sql_quote q = {
		.dialect = SQL_MYSQL, .quote = double_quotes,
	};

	CHECK(!query_expand(&out, "a=\"%s\"", "x\" or", sql_quote_add, &q));
	buf_done(&out);
}

static char dir[] = "/tmp/query_test.XXXXXX";

static const char *
write_settings(const char *type, const char *text)
{
	static char name[100];
	char	    path[80];
	int	    fd;

	snprintf(path, sizeof path, "%s/t.cf", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) ==
	    (ssize_t)strlen(text));
	close(fd);
	snprintf(name, sizeof name, "%s:%s", type, path);
	return name;
}

static void
settings_that_are_wrong_break_the_table(void)
{
	static const struct {
		const char *type, *text, *why;
	} cases[] = {
		{ "redis", "garbage\n", "line 1: missing '='" },
		{ "redis", "key_format = %x\n", "Invalid key_format" },
		{ "redis", "expansion_limit = x\n", "bad numerical" },
		{ "redis", "ttl = soon\n", "bad time" },
		{ "redis", "tls = maybe\n", "bad boolean" },
		{ "redis", "hosts =\n", "no hosts" },
		{ "redis", "result_format =\n", "bad string length 0" },
		{ "redis", "ttl = 1h\nhash_format = h\n", "do not expire" },
		{ "memcache", "memcache = a b\n", "give one server" },
		{ "memcache", "backup = nosuch:x\n", "unsupported" },
		{ "memcache", "key_digest = x\n", "write sha256" },
		{ "mysql", "user = x\n", "bad string length 0 < 1: table" },
		{ "ldap", "scope = all\n", "write base, one or sub" },
		{ "ldap", "bind = maybe\n", "write yes, no or sasl" },
		{ "ldap", "result_attribute =\n", "no result attribute" },
	};
	struct table *t;
	struct buf    value = BUF_INIT;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		t = table_open(write_settings(cases[i].type, cases[i].text),
		    0);
		CHECK(table_is_broken(t));
		CHECK_INT(table_find(t, "k", &value), TABLE_ERROR);
		if (strstr(table_error(t), cases[i].why) == NULL)
			CHECK_STR(table_error(t), cases[i].why);
		table_close(t);
	}
	buf_done(&value);
}

static void
a_server_that_is_down_is_an_error(void)
{
	struct table *t = table_open(write_settings("redis",
	    "hosts = unix:/nonexistent/a unix:/nonexistent/b\n"), 0);
	struct buf    value = BUF_INIT;

	CHECK(!table_is_broken(t));
	CHECK_INT(table_find(t, "k", &value), TABLE_ERROR);
	CHECK_STR(table_error(t), "No such file or directory");
	/* Both are left alone for a while now. */
	CHECK_INT(table_find(t, "k", &value), TABLE_ERROR);
	CHECK_STR(table_error(t), "all hosts are down, the next try is later");
	/* No question, no error. */
	CHECK_INT(table_find(t, "\xff", &value), TABLE_NOT_FOUND);
	table_close(t);
	buf_done(&value);
}

int
main(void)
{
	char path[80];

	CHECK(mkdtemp(dir) != NULL);
	TEST(templates_take_parts_of_the_key);
	TEST(bad_templates_are_found);
	TEST(keys_stay_in_their_quotes);
	TEST(double_quotes_that_nobody_escapes_are_refused);
	TEST(settings_that_are_wrong_break_the_table);
	TEST(a_server_that_is_down_is_an_error);
	snprintf(path, sizeof path, "%s/t.cf", dir);
	unlink(path);
	rmdir(dir);
	return test_end();
}
