#include <string.h>

#include "local/address_list.h"
#include "tests/test.h"

static void
tells_members_apart(void)
{
	static const struct {
		const char	*text;
		enum target_kind kind;
		const char	*member;
	} cases[] = {
		{ "bob", TARGET_ADDRESS, "bob" },
		{ "Bob Smith <bob@example.com>", TARGET_ADDRESS,
		    "bob@example.com" },
		{ "bob (the builder)", TARGET_ADDRESS, "bob" },
		{ "\\bob", TARGET_ADDRESS, "bob" },
		{ "\"|cat > /dev/null\"", TARGET_COMMAND, "cat > /dev/null" },
		{ "|/bin/cat", TARGET_COMMAND, "/bin/cat" },
		{ "(first) bob (second)", TARGET_ADDRESS, "bob" },
		{ "friends: bob;", TARGET_ADDRESS, "bob" },
		{ "\"|one; two\"", TARGET_COMMAND, "one; two" },
		{ "\"\"", TARGET_ADDRESS, "" },
		{ "\"|echo \\\"x, y\\\"\"", TARGET_COMMAND, "echo \"x, y\"" },
		{ "/var/mail/x", TARGET_FILE, "/var/mail/x" },
		{ "\"/with space\"", TARGET_FILE, "/with space" },
		{ "~/mbox", TARGET_FILE, "~/mbox" },
		{ ":include:/etc/list", TARGET_INCLUDE, "/etc/list" },
		{ ":Include: /etc/list", TARGET_INCLUDE, "/etc/list" },
		{ ":include: \"/etc/list\"", TARGET_INCLUDE, "/etc/list" },
		{ "\":include: /etc/list\"", TARGET_INCLUDE, " /etc/list" },
		{ "| /bin/cat", TARGET_COMMAND, "/bin/cat" },
		{ "|\"cat >/x; echo 'x y'\"", TARGET_COMMAND,
		    "cat >/x; echo 'x y'" },
		{ "<\"|cat -n\">", TARGET_COMMAND, "cat -n" },
		{ "Cat <|cat>", TARGET_COMMAND, "cat" },
		{ "|/bin/cat <bob>", TARGET_ADDRESS, "bob" },
		{ "|cat </etc/passwd", TARGET_COMMAND, "cat</etc/passwd" },
		{ ">/tmp/x", TARGET_FILE, "/tmp/x" },
		{ "bob>", TARGET_ADDRESS, "bob" },
		{ "\\\\bob", TARGET_ADDRESS, "bob" },
		{ "\"bob ", TARGET_ADDRESS, "bob " },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct target_list list = { 0 };
		struct pool	   pool = POOL_INIT;

		CHECK(target_list_parse(&list, &pool, cases[i].text));
		CHECK(list.count == 1);
		if (list.count == 1) {
			CHECK(list.items[0].kind == cases[i].kind);
			CHECK_STR(list.items[0].text, cases[i].member);
		}
		pool_done(&pool);
	}
}

static void
splits_at_commas_outside_of_quotes_and_comments(void)
{
	struct target_list list = { 0 };
	struct pool	   pool = POOL_INIT;

	CHECK(target_list_parse(&list, &pool, "a, b (c, d), \"|e, f\", "
	    "friends: g, h;, , "));
	CHECK(list.count == 5);
	if (list.count == 5) {
		CHECK_STR(list.items[2].text, "e, f");
		CHECK_STR(list.items[4].text, "h");
	}
	pool_done(&pool);
}

static void
ends_a_bare_item_at_white_space(void)
{
	struct target_list list = { 0 };
	struct pool	   pool = POOL_INIT;

	CHECK(target_list_parse(&list, &pool, "|/bin/true a, /x b"));
	CHECK(list.count == 4);
	if (list.count == 4) {
		CHECK_STR(list.items[0].text, "/bin/true");
		CHECK(list.items[1].kind == TARGET_ADDRESS);
		CHECK_STR(list.items[2].text, "/x");
	}
	pool_done(&pool);
}

/* As a shell's redirection looks, which it is only in quotes. */
static void
splits_behind_an_address_that_was_not_opened(void)
{
	static const struct { const char *text, *first, *second; } cases[] = {
		{ "|cat>/tmp/x", "cat", "/tmp/x" },
		{ "|cat > /tmp/x", "cat", "/tmp/x" },
		{ "|cat >> /tmp/x", "cat>", "/tmp/x" },
		{ "|cat 2>/dev/null", "cat2", "/dev/null" },
		{ "\"|cat\" \"/tmp/x\"", "cat", "/tmp/x" },
		{ "|cat;id", "cat", "id" },
		{ "a b <bob> c d <carol>", "bob", "carol" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct target_list list = { 0 };
		struct pool	   pool = POOL_INIT;

		CHECK(target_list_parse(&list, &pool, cases[i].text));
		CHECK(list.count == 2);
		if (list.count == 2) {
			CHECK_STR(list.items[0].text, cases[i].first);
			CHECK_STR(list.items[1].text, cases[i].second);
		}
		pool_done(&pool);
	}
}

static void
finds_nobody_in_comments_and_separators(void)
{
	static const char *const texts[] = { "", ",", ";", "<>", ">", "(bob",
		"(c)", "list:;" };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct target_list list = { 0 };
		struct pool	   pool = POOL_INIT;

		CHECK(target_list_parse(&list, &pool, texts[i]));
		CHECK(list.count == 0);
		pool_done(&pool);
	}
}

static void
survives_what_is_not_closed(void)
{
	static const char *const texts[] = {
		"\"", "\"|", "(", "((((", "<", "\\", "a,\"b", ":include:", "|",
		",,,,", "", "@", "a@", ";", ":",
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct target_list list = { 0 };
		struct pool	   pool = POOL_INIT;

		CHECK(target_list_parse(&list, &pool, texts[i]));
		pool_done(&pool);
	}
}

int
main(void)
{
	TEST(tells_members_apart);
	TEST(splits_at_commas_outside_of_quotes_and_comments);
	TEST(ends_a_bare_item_at_white_space);
	TEST(splits_behind_an_address_that_was_not_opened);
	TEST(finds_nobody_in_comments_and_separators);
	TEST(survives_what_is_not_closed);
	return test_end();
}
