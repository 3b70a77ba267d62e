#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "table/table.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/mem.h"
#include "util/task.h"

static char dir[] = "/tmp/table_test.XXXXXX";

static const char *
path(const char *name)
{
	static char text[4][200];
	static int  n;

	n = (n + 1) % 4;
	snprintf(text[n], sizeof text[n], "%s/%s", dir, name);
	return text[n];
}

static void
write_file(const char *name, const char *content)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0 && file_write_all(fd, content, strlen(content)));
	close(fd);
}

static const char *
in_dir(const char *type, const char *name)
{
	static char text[4][200];
	static int  n;

	n = (n + 1) % 4;
	snprintf(text[n], sizeof text[n], "%s:%s/%s", type, dir, name);
	return text[n];
}

/* The value, "-" if there is none, "!" and the reason on an error. */
static const char *
ask(struct table *t, const char *key)
{
	static struct buf value = BUF_INIT;

	switch (table_find(t, key, &value)) {
	case TABLE_FOUND:
		return value.data;
	case TABLE_NOT_FOUND:
		return "-";
	default:
		buf_set(&value, "!");
		buf_adds(&value, table_error(t));
		return value.data;
	}
}

static const char *
ask_once(const char *name, const char *key)
{
	struct table *t = table_open(name, TABLE_FOLD);
	const char   *answer = ask(t, key);

	table_close(t);
	return answer;
}

static const char *const databases[] = { "hash", "btree", "lmdb" };

/* LMDB is an optional library, and the last of the array. */
static int
database_count(void)
{
	struct table *t = table_open(in_dir("lmdb", "probe"), TABLE_CREATE);
	bool	      has = !table_is_broken(t);

	table_abort(t);
	return has ? 3 : 2;
}

static void
make_db(const char *type, const char *name, int flags)
{
	struct table *t = table_open(in_dir(type, name), flags);

	CHECK(!table_is_broken(t));
	CHECK(table_put(t, "One", "first"));
	CHECK(table_put(t, "two", "second value"));
	CHECK(table_close(t));
}

static void
simple_types_answer_as_documented(void)
{
	static const struct { const char *table, *key, *want; } rows[] = {
		{ "static:always", "x", "always" },
		{ "static:{two words}", "x", "two words" },
		{ "static:{ a }", "x", "a" },
		{ "inline:{a=1, b=2, {cd = three words}}", "b", "2" },
		{ "inline:{a=1, b=2, {cd = three words}}", "CD",
		    "three words" },
		{ "inline:{a=1}", "z", "-" },
		{ "inline:{x=1 x=2}", "x", "2" },
		{ "fail:reason", "x", "!Application error" },
		{ "unionmap:{inline:{a=1}, inline:{a=2}}", "a", "1,2" },
		{ "unionmap:{inline:{a=1}, inline:{b=2}}", "a", "1" },
		{ "unionmap:{static:a,fail:b}", "x", "!Application error" },
		{ "pipemap:{inline:{a=b}, inline:{b=c}}", "a", "c" },
		{ "pipemap:{inline:{a=b}, inline:{x=c}}", "a", "-" },
		{ "randmap:{only}", "x", "only" },
		{ "proxy:inline:{a=1}", "A", "1" },
		{ "debug:inline:{a=1}", "A", "1" },
		{ "internal:x", "x", "-" },
		{ "unix:passwd.byname", "no such user", "-" },
		{ "environ:x", "NO_SUCH_NAME", "-" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_STR(ask_once(rows[i].table, rows[i].key), rows[i].want);
}

static void
accounts_are_found_again_and_again(void)
{
	struct table *t = table_open("unix:passwd.byname", TABLE_FOLD);

	for (int i = 0; i < 3000; i++) {
		char name[32];

		snprintf(name, sizeof name, "no such user %d", i % 1500);
		CHECK_STR(ask(t, name), "-");
		CHECK(strncmp(ask(t, "root"), "root:", 5) == 0);
	}
	table_close(t);
}

static void
bad_names_are_broken_tables_with_a_reason(void)
{
	static const struct { const char *table, *why; } rows[] = {
		{ "nosuchtype:/x", "unsupported dictionary type: nosuchtype" },
		{ "hash", "open dictionary: expecting \"type:name\" form "
		    "instead of \"hash\"" },
		{ ":x", "open dictionary: expecting \"type:name\" form "
		    "instead of \":x\"" },
		{ "inline:{cd}", "missing '=' after attribute name: "
		    "\"inline:{cd}\"; need \"inline:{name=value...}\"" },
		{ "inline:{ {c d = x} }", "missing '=' after attribute name: "
		    "\"inline:{ {c d = x} }\"; need "
		    "\"inline:{name=value...}\"" },
		{ "inline:cd", "bad syntax: \"inline:cd\"; need "
		    "\"inline:{name=value...}\"" },
		{ "static:{ a b", "bad static:name syntax: missing '}' in "
		    "\"{ a b\"" },
		{ "static:{a}b", "bad static:name syntax: syntax error after "
		    "'}' in \"{a}b\"" },
		{ "pipemap:{a}", "bad syntax: \"pipemap:{a}\"; need "
		    "\"pipemap:{type:name...}\"" },
		{ "unionmap:a", "bad syntax: \"unionmap:a\"; need "
		    "\"unionmap:{type:name...}\"" },
		{ "randmap:{}", "bad syntax: \"randmap:{}\"; need "
		    "\"randmap:{value...}\"" },
		{ "unix:foo", "unknown table: unix:foo" },
		{ "hash:/no/such/file", "open database /no/such/file.db: "
		    "No such file or directory" },
		{ "texthash:/no/such", "open database /no/such: "
		    "No such file or directory" },
		{ "regexp:/no/such", "open /no/such: "
		    "No such file or directory" },
		{ "cidr:{{10.0.0.1 x}, 10.0.0.2}", "cidr map: no '{' at "
		    "start of text in \"10.0.0.2\"" },
		{ "cidr:{{10.0.0.1 x}{10.0.0.2 y}}", "cidr map: syntax error "
		    "after '}' in \"{10.0.0.1 x}{10.0.0.2 y}\"" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct table *t = table_open(rows[i].table, TABLE_FOLD);
		struct buf    b = BUF_INIT;

		CHECK(table_is_broken(t));
		CHECK_STR(table_error(t), rows[i].why);
		CHECK(table_find(t, "x", &b) == TABLE_ERROR);
		table_close(t);
		buf_done(&b);
	}
}

static void
patterns_match_and_expand(void)
{
	static const struct { const char *table, *key, *want; } rows[] = {
		{ "regexp:{{/^a(.*)z$/ got $1}}", "abcz", "got bc" },
		{ "regexp:{{/^A(.*)z$/i ${1}}}", "abcz", "-" },
		{ "regexp:{{/(g)(h)?/ <$1><$2>}}", "g", "<g><>" },
		{ "inline:{{\"q q\"@x.example = v}}", "\"q q\"@x.example", "v" },
		{ "inline:{{\"c=d\" = v}, e=f}", "\"c=d\"", "v" },
		{ "inline:{{c\\ d = v}}", "c\\ d", "v" },
		{ "inline:{{\"c d = v}}", "x", "!unbalanced '\"': \"inline:"
		    "{{\"c d = v}}\"; need \"inline:{name=value...}\"" },
		{ "inline:{{c d = v}}", "x", "!missing '=' after attribute "
		    "name: \"inline:{{c d = v}}\"; need "
		    "\"inline:{name=value...}\"" },
		{ "regexp:{{/x/ price $$5}}", "x", "price $5" },
		/* rules that would take all memory are left out */
		{ "regexp:{{/a++++++++++++++++++++++++++++++++++/ no},{/a/ yes}}",
		    "a", "yes" },
		{ "regexp:{{/a?++++++++++++/ no},{/a/ yes}}", "a", "yes" },
		{ "regexp:{{/^a?+++++/ no},{/a/ yes}}", "a", "yes" },
		{ "regexp:{{/((((a?b+)+)*c)+d?)+/ yes}}", "bc", "yes" },
		{ "regexp:{{/((a{255}){255}){255}|a/ no},{/a/ yes}}", "a",
		    "yes" },
		{ "regexp:{{/((b|c){0,9000})*a/ no},{/a/ yes}}", "a", "yes" },
		{ "regexp:{{/\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+"
		    "\\+\\+\\+\\+\\+\\+\\+/ yes}}", "++++++++++++++++++++",
		    "yes" },
		{ "regexp:{{/^([a-z[:digit:]+]{0,255}[]+*]){1,4}$/ yes}}",
		    "ab+7]", "yes" },
		{ "regexp:{{!/^[a-z]+$/ other}}", "a b", "other" },
		{ "regexp:{{!!/^[a-z]+$/ same}}", "ab", "same" },
		{ "regexp:{{|pipe\\|x| piped}}", "pipe|x", "piped" },
		{ "regexp:{{\\a\\ no},{/a/ yes}}", "a", "yes" },
		{ "regexp:{{/(a)/!/b/ not $1}}", "ac", "not a" },
		{ "regexp:{{/(a)/!/b/ not $1}}", "ab", "-" },
		{ "regexp:{{/a/!!/b/ both}}", "ab", "both" },
		{ "regexp:{{/a/!/(b/ bad},{/a/ yes}}", "a", "yes" },
		{ "pcre:{{/a/!/b/ bad},{/a/ yes}}", "a", "yes" },
		{ "regexp:{{if /^c/},{/1$/ one},{!/1$/ no},{endif},{/./ out}}",
		    "c1", "one" },
		{ "regexp:{{if /^c/},{/1$/ one},{!/1$/ no},{endif},{/./ out}}",
		    "c2", "no" },
		{ "regexp:{{if /^c/},{/1$/ one},{!/1$/ no},{endif},{/./ out}}",
		    "d1", "out" },
		{ "regexp:{{if /a/},{if !/b/},{/c/ x},{endif},{/./ y},{endif}}",
		    "abc", "y" },
		{ "regexp:{{if /a/},{if !/b/},{/c/ x},{endif},{/./ y},{endif}}",
		    "ac", "x" },
		{ "pcre:{{/(\\d+)-(\\d+)/ $2-$1}}", "12-34", "34-12" },
		{ "pcre:{{/a(?<name>.*)z/ got $1}}", "ABCZ", "got BC" },
		{ "pcre:{{/(a)(b)?/ <$1><$2>}}", "a", "<a><>" },
		{ "pcre:{{/^b c$/x yes}}", "bc", "yes" },
		{ "pcre:{{/b/A yes}}", "ab", "-" },
		{ "cidr:{{192.0.2.1 host},{192.0.2.0/24 net}}", "192.0.2.1",
		    "host" },
		{ "cidr:{{192.0.2.1 host},{192.0.2.0/24 net}}", "192.0.2.9",
		    "net" },
		{ "cidr:{{!192.0.2.0/24 other}}", "10.0.0.1", "other" },
		{ "cidr:{{!192.0.2.0/24 other}}", "2001:db8::1", "-" },
		{ "cidr:{{!!10.0.0.1 x}}", "10.0.0.1", "x" },
		{ "cidr:{{[2001:db8::]/32 six}}", "2001:DB8:1::1", "six" },
		{ "cidr:{{[2001:db8::/32] six}}", "2001:db8::1", "six" },
		{ "cidr:{{[2001:db8::1] one}}", "2001:db8::1", "one" },
		{ "cidr:{{[2001:db8::/32]/32 bad}}", "2001:db8::1", "-" },
		{ "cidr:{{0.0.0.0/0 all}}", "10.0.0.1", "all" },
		{ "cidr:{{::/0 all}}", "::1", "all" },
		{ "cidr:{{10.0.0.0/9 low},{10.128.0.0/9 high}}",
		    "10.128.0.1", "high" },
		{ "cidr:{{if 10.0.0.0/8},{10.1.0.0/16 in},{endif},"
		    "{0.0.0.0/0 out}}", "10.1.2.3", "in" },
		{ "cidr:{{if 10.0.0.0/8},{10.1.0.0/16 in},{endif},"
		    "{0.0.0.0/0 out}}", "11.1.2.3", "out" },
		{ "cidr:{{0.0.0.0/0 all}}", "text", "-" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_STR(ask_once(rows[i].table, rows[i].key), rows[i].want);
}

static void
substitution_can_be_forbidden(void)
{
	struct table *t = table_open("regexp:{{/(a)/ $1},{/./ plain}}",
	    TABLE_PARENT);

	CHECK_STR(ask(t, "a"), "plain");
	table_close(t);
}

static void
a_database_finds_what_was_put(void)
{
	static const int styles[] = { 0, TABLE_TRY0, TABLE_TRY1 };

	for (int i = 0; i < database_count(); i++)
		for (int j = 0; j < 3; j++) {
			struct table *t;

			make_db(databases[i], "db", TABLE_CREATE | TABLE_FOLD |
			    styles[j]);
			t = table_open(in_dir(databases[i], "db"), TABLE_FOLD);
			CHECK_STR(ask(t, "ONE"), "first");
			CHECK_STR(ask(t, "two"), "second value");
			CHECK_STR(ask(t, "tw"), "-");
			table_close(t);
		}
}


static void
an_aborted_table_leaves_the_old_one(void)
{
	struct table *t;

	for (int i = 0; i < database_count(); i++) {
		make_db(databases[i], "keep", TABLE_CREATE);
		t = table_open(in_dir(databases[i], "keep"), TABLE_CREATE);
		CHECK(table_put(t, "new", "x"));
		table_abort(t);
		CHECK_STR(ask_once(in_dir(databases[i], "keep"), "two"),
		    "second value");
		CHECK_STR(ask_once(in_dir(databases[i], "keep"), "new"), "-");
	}
}

static void
edit(const char *name)
{
	struct table *t, *reader;

	t = table_open(name, TABLE_EDIT | TABLE_FOLD | TABLE_DUP_REPLACE);
	CHECK(table_put(t, "two", "2"));
	CHECK(table_put(t, "three", "3"));
	CHECK_INT(table_delete(t, "one"), TABLE_FOUND);
	CHECK_INT(table_delete(t, "one"), TABLE_NOT_FOUND);
	reader = table_open(name, TABLE_FOLD);
	CHECK_STR(ask(reader, "two"), "second value");
	table_close(reader);
	CHECK(table_close(t));
	CHECK_STR(ask_once(name, "two"), "2");
	CHECK_STR(ask_once(name, "three"), "3");
	CHECK_STR(ask_once(name, "one"), "-");
}

static void
editing_changes_a_table_at_once(void)
{
	for (int i = 0; i < database_count(); i++) {
		make_db(databases[i], "edit", TABLE_CREATE | TABLE_FOLD);
		edit(in_dir(databases[i], "edit"));
	}
}

static void
an_open_table_takes_up_a_new_file(void)
{
	struct table *t;

	write_file("text", "a 1\n");
	t = table_open(in_dir("texthash", "text"), TABLE_FOLD);
	CHECK_STR(ask(t, "a"), "1");
	write_file("text", "a 22\n");
	CHECK_STR(ask(t, "a"), "1");
	usleep(1100 * 1000);
	CHECK_STR(ask(t, "a"), "22");
	unlink(path("text"));
	usleep(1100 * 1000);
	CHECK(ask(t, "a")[0] == '!');
	write_file("text", "a 333\n");
	usleep(1100 * 1000);
	CHECK_STR(ask(t, "a"), "333");
	table_close(t);
}

static void
a_file_that_is_no_database_is_an_error(void)
{
	struct table *t;

	write_file("junk.db", "this is not a database");
	t = table_open(in_dir("hash", "junk"), 0);
	CHECK(table_is_broken(t));
	table_close(t);
}

static void
sequence_gives_every_entry_once(void)
{
	struct table *t;
	struct buf    key = BUF_INIT, value = BUF_INIT, all = BUF_INIT;
	bool	      first = true;

	make_db("btree", "seq", TABLE_CREATE | TABLE_FOLD);
	t = table_open(in_dir("btree", "seq"), 0);
	while (table_sequence(t, first, &key, &value) == TABLE_FOUND) {
		buf_addf(&all, "%s=%s,", key.data, value.data);
		first = false;
	}
	CHECK_STR(all.data, "one=first,two=second value,");
	table_close(t);
	buf_done(&key);
	buf_done(&value);
	buf_done(&all);
}

static void
sources_join_lines_and_skip_comments(void)
{
	static const char text[] = "# comment\n\n  \nkey value\n  more\n"
	    "# in between\n\tand more  \nlast \"a b\" c";
	struct table_source *s = table_source_text(text, sizeof text - 1, "t");
	struct buf	     line = BUF_INIT;
	char		    *key, *value;
	int		     n;

	CHECK(table_source_next(s, &line, &n));
	CHECK_STR(line.data, "key value  more\tand more");
	CHECK_INT(n, 4);
	CHECK(table_source_next(s, &line, &n));
	CHECK_INT(n, 8);
	table_source_split(line.data, &key, &value);
	CHECK_STR(key, "last");
	CHECK_STR(value, "\"a b\" c");
	CHECK(!table_source_next(s, &line, &n));
	table_source_close(s);
	buf_done(&line);
}

static void
keys_may_be_quoted(void)
{
	static const struct { const char *line, *key, *value; } rows[] = {
		{ "\"five six\"  quoted", "\"five six\"", "quoted" },
		{ "four=4  value", "four=4", "value" },
		{ "seven", "seven", "" },
		{ "\"a \\\" b\" c", "\"a \\\" b\"", "c" },
		{ "eight   multi   spaced", "eight", "multi   spaced" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *line = mem_strdup(rows[i].line), *key, *value;

		table_source_split(line, &key, &value);
		CHECK_STR(key, rows[i].key);
		CHECK_STR(value, rows[i].value);
		mem_free(line);
	}
}

static bool
home_is_local(void *arg, const char *domain)
{
	(void)arg;
	return strcmp(domain, "home.example") == 0;
}

static const char *
after_plus(const char *local, size_t len)
{
	return memchr(local, '+', len);
}

static void
addresses_are_tried_in_order(void)
{
	static const struct { const char *tables, *address, *want, *ext; }
	rows[] = {
		{ "inline:{u+x@home.example=1 u@home.example=2}",
		    "u+x@home.example", "1", "" },
		{ "inline:{u@home.example=2 u+x=3}", "u+x@home.example", "2",
		    "+x" },
		{ "inline:{u+x=3 u=4}", "u+x@home.example", "3", "" },
		{ "inline:{u=4 @home.example=5}", "u+x@home.example", "4",
		    "+x" },
		{ "inline:{u=4 @far.example=5}", "u+x@far.example", "5", "" },
		{ "inline:{u=4}", "u@far.example", "-", "" },
		{ "regexp:{{/^@/ no}}, inline:{@far.example=5}",
		    "u@far.example", "5", "" },
		{ "inline:{u=4}", "u", "4", "" },
	};
	struct buf value = BUF_INIT, ext = BUF_INIT;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct table_list   *l = table_list_open("x", rows[i].tables,
		    TABLE_FOLD);
		struct table_address a = { .address = rows[i].address,
			.extension = after_plus, .is_local = home_is_local };
		enum table_result    r = table_list_find_address(l, &a,
		    &value, &ext);

		CHECK_STR(r == TABLE_FOUND ? value.data : "-", rows[i].want);
		CHECK_STR(ext.data, rows[i].ext);
		table_list_close(l);
	}
	buf_done(&value);
	buf_done(&ext);
}

static void
a_cache_is_written_in_place(void)
{
	for (int i = 0; i < database_count(); i++) {
		const char   *name = in_dir(databases[i],
		    databases[i]);
		struct table *t = table_open(name, TABLE_WRITE | TABLE_SYNC |
		    TABLE_DUP_REPLACE);

		CHECK(table_put(t, "a", "1"));
		CHECK(table_put(t, "a", "2"));
		CHECK(table_put(t, "b", "3"));
		CHECK_STR(ask(t, "a"), "2");
		CHECK_INT(table_delete(t, "b"), TABLE_FOUND);
		CHECK(table_close(t));
		t = table_open(name, TABLE_WRITE);
		CHECK_STR(ask(t, "a"), "2");
		CHECK_STR(ask(t, "b"), "-");
		CHECK(table_close(t));
	}
}

/* postmap of a cache that verify has open: an answer, if not a good one. */
static void
a_cache_in_use_is_not_waited_for_without_end(void)
{
	const char   *name = in_dir("hash", "in-use");
	struct table *owner = table_open(name, TABLE_WRITE);

	CHECK(table_put(owner, "a", "1"));
	CHECK(strstr(ask_once(name, "a"), "is locked by a program") != NULL);
	CHECK(table_close(owner));
	CHECK_STR(ask_once(name, "a"), "1");
}

static void
an_empty_result_is_an_error_of_lists(void)
{
	struct table_list *l = table_list_open("x", "inline:{a=}", 0);
	struct buf	   value = BUF_INIT;

	CHECK_INT(table_list_find(l, "a", &value), TABLE_ERROR);
	table_list_close(l);
	buf_done(&value);
}

static bool task_found[6];

/* What a long header costs must fit on a task's stack. */
static void
look_up_in_a_task(void *arg)
{
	static const char *const names[] = {
		"regexp:{{/^x: (a|b)*(.*)c$/ $2}}",
		"regexp:{{/(b+)a(.*)d$/ no}, {/^X: (.*)$/ $1}}",
		"pcre:{{/^x: (?:a|b)*(.*)c$/ $1}}",
		"pcre:{{/(a|b|(?:ab)+)*d/ no}, {/./ yes}}",
	};
	char	  *key = mem_alloc(10001);
	struct buf value = BUF_INIT;

	(void)arg;
	for (int i = 0; i < 10000; i++)
		key[i] = i % 7 == 0 ? 'a' : 'b';
	memcpy(key, "x: ", 3);
	memcpy(key + 9998, "ac", 3);
	for (int i = 0; i < 4; i++) {
		struct table *t = table_open(names[i], 0);

		task_found[i] = table_find(t, key, &value) != TABLE_ERROR;
		table_close(t);
	}
	for (int i = 0; i < 2; i++) {
		struct table *t = table_open(in_dir(databases[i], "stack"),
		    TABLE_FOLD);

		task_found[4 + i] = table_find(t, "one", &value) ==
		    TABLE_FOUND;
		table_close(t);
		unlink(path("stack.db"));
		make_db("btree", "stack", TABLE_CREATE | TABLE_FOLD);
	}
	mem_free(key);
	buf_done(&value);
	task_stop();
}

static void
lookups_fit_on_the_stack_of_a_task(void)
{
	make_db("hash", "stack", TABLE_CREATE | TABLE_FOLD);
	task_start("lookups", look_up_in_a_task, NULL);
	task_loop();
	for (int i = 0; i < 6; i++)
		CHECK(task_found[i]);
}

static void
random_text_never_harms_the_parsers(void)
{
	static const char *const parts[] = {
		"if ", "endif", "/", "!", "{", "}", "(", ")", "$", "${1}",
		"$1", "\\", "[", "]", "10.0.0.0/8", "::1/", "a", " ", "\t",
		"*", "+", "=", ",", "\"", "i", "1.2.3.4", "\xc3\xa4", "#",
	};
	static const char *const types[] = {
		"cidr", "regexp", "pcre", "inline", "static", "unionmap",
		"randmap", "pipemap",
	};
	struct buf name = BUF_INIT, value = BUF_INIT;
	unsigned   seed = 12345;

	for (int i = 0; i < 20000; i++) {
		struct table *t;
		int	      n;

		buf_clear(&name);
		buf_addf(&name, "%s:{{", types[i % 8]);
		seed = seed * 1103515245 + 12345;
		n = (int)(seed >> 16) % 12;
		for (int j = 0; j < n; j++) {
			seed = seed * 1103515245 + 12345;
			buf_adds(&name, parts[(seed >> 16) %
			    (sizeof parts / sizeof *parts)]);
		}
		buf_adds(&name, "}}");
		t = table_open(name.data, i % 3 == 0 ? TABLE_FOLD : 0);
		table_find(t, "10.1.2.3", &value);
		table_find(t, "a", &value);
		table_close(t);
	}
	buf_done(&name);
	buf_done(&value);
	CHECK(true);
}

/* "mine" is root's and "hers" another user's; now this one, now that one has
 * the name of the table, as its directory's owner can arrange. */
static pid_t
start_swapper(const char *mine, const char *hers, const char *name)
{
	pid_t pid = fork();

	for (bool turn = false; pid == 0; turn = !turn) {
		(void)!link(turn ? mine : hers, path("next"));
		rename(path("next"), name);
		unlink(path("next"));	/* there after a rename to itself */
	}
	return pid;
}

static void
make_owned(const char *type, const char *name, const char *ext, uid_t uid)
{
	struct table *t = table_open(in_dir(type, name), TABLE_CREATE);
	char	      file[100];

	CHECK(table_put(t, "whose", uid == 0 ? "root's" : "hers"));
	CHECK(table_close(t));
	snprintf(file, sizeof file, "%s.%s", name, ext);
	CHECK(chown(path(file), uid, uid) == 0);
}

/* Whose rights a list has depends on it. */
static void
the_owner_is_that_of_the_file_which_answers(void)
{
	static const struct { const char *type, *ext; } types[] = {
		{ "hash", "db" }, { "btree", "db" }, { "cdb", "cdb" },
		{ "lmdb", "lmdb" },
	};
	struct buf  value = BUF_INIT;
	const char *unused;

	for (size_t i = 0; geteuid() == 0 && i < sizeof types / sizeof *types;
	    i++) {
		char mine[100], hers[100], name[100];
		struct table *t = table_open(in_dir(types[i].type, "x"),
		    TABLE_CREATE);
		pid_t swapper;
		int   wrong = 0;

		if (table_is_broken(t)) {	/* no such library here */
			table_close(t);
			continue;
		}
		table_close(t);
		snprintf(mine, sizeof mine, "%s", path("mine."));
		strcat(mine, types[i].ext);
		snprintf(hers, sizeof hers, "%s", path("hers."));
		strcat(hers, types[i].ext);
		snprintf(name, sizeof name, "%s", path("x."));
		strcat(name, types[i].ext);
		make_owned(types[i].type, "mine", types[i].ext, 0);
		make_owned(types[i].type, "hers", types[i].ext, 54321);
		swapper = start_swapper(mine, hers, name);
		for (int k = 0; k < 300; k++) {
			struct table_list *l = table_list_open("x",
			    in_dir(types[i].type, "x"), 0);

			if (table_list_find(l, "whose", &value) == TABLE_FOUND)
				wrong += (table_list_owner(l, &unused) == 0) !=
				    (strcmp(value.data, "root's") == 0);
			table_list_close(l);
		}
		kill(swapper, SIGKILL);
		waitpid(swapper, NULL, 0);
		CHECK_INT(wrong, 0);
	}
	buf_done(&value);
}

int
main(void)
{
	int ret;

	/* What the parsers warn of is looked at by the tests of postmap. */
	if (freopen("/dev/null", "w", stderr) == NULL ||
	    mkdtemp(dir) == NULL)
		return 1;
	TEST(simple_types_answer_as_documented);
	TEST(accounts_are_found_again_and_again);
	TEST(bad_names_are_broken_tables_with_a_reason);
	TEST(patterns_match_and_expand);
	TEST(substitution_can_be_forbidden);
	TEST(a_database_finds_what_was_put);
	TEST(an_aborted_table_leaves_the_old_one);
	TEST(editing_changes_a_table_at_once);
	TEST(a_cache_is_written_in_place);
	TEST(a_cache_in_use_is_not_waited_for_without_end);
	TEST(an_open_table_takes_up_a_new_file);
	TEST(a_file_that_is_no_database_is_an_error);
	TEST(sequence_gives_every_entry_once);
	TEST(sources_join_lines_and_skip_comments);
	TEST(keys_may_be_quoted);
	TEST(addresses_are_tried_in_order);
	TEST(an_empty_result_is_an_error_of_lists);
	TEST(lookups_fit_on_the_stack_of_a_task);
	TEST(the_owner_is_that_of_the_file_which_answers);
	TEST(random_text_never_harms_the_parsers);
	ret = test_end();
	if (chdir(dir) == 0 && system("rm -f *") != 0)
		ret = 1;
	rmdir(dir);
	return ret;
}
