#include "mail/nexthop.h"
#include "tests/test.h"

static const char *
or_none(const char *s)
{
	return s != NULL ? s : "-";
}

static void
takes_every_form_apart(void)
{
	static const struct {
		const char *text, *host, *port, *path;
		bool no_mx;
	} cases[] = {
		{ "example.com", "example.com", "-", "-", false },
		{ "example.com:25", "example.com", "25", "-", false },
		{ "example.com:smtp", "example.com", "smtp", "-", false },
		{ "[mail.example.com]", "mail.example.com", "-", "-", true },
		{ "[mail.example.com]:587", "mail.example.com", "587", "-",
		    true },
		{ "[192.0.2.1]", "192.0.2.1", "-", "-", true },
		{ "[2001:db8::1]:2525", "2001:db8::1", "2525", "-", true },
		{ "[IPv6:2001:db8::1]", "2001:db8::1", "-", "-", true },
		{ "[ipv6:::1]", "::1", "-", "-", true },
		{ "2001:db8::1", "2001:db8::1", "-", "-", false },
		{ "inet:host.example:24", "host.example", "24", "-", false },
		{ "inet:[::1]:24", "::1", "24", "-", true },
		{ "unix:/run/lmtp", "-", "-", "/run/lmtp", false },
		{ "unix:private/dovecot-lmtp", "-", "-",
		    "private/dovecot-lmtp", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pool pool = POOL_INIT;
		struct nexthop n;
		const char *why;

		CHECK(nexthop_parse(&pool, cases[i].text, &n, &why));
		CHECK_STR(n.text, cases[i].text);
		CHECK_STR(or_none(n.host), cases[i].host);
		CHECK_STR(or_none(n.port), cases[i].port);
		CHECK_STR(or_none(n.path), cases[i].path);
		CHECK(n.no_mx == cases[i].no_mx);
		pool_done(&pool);
	}
}

static void
refuses_what_means_nothing(void)
{
	static const char *const texts[] = {
		"", "[", "[]", "[]:25", "[host", "[host]x", "[host]:", "host:",
		":25", "unix:", "inet:",
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct pool pool = POOL_INIT;
		struct nexthop n;
		const char *why = NULL;

		CHECK(!nexthop_parse(&pool, texts[i], &n, &why));
		CHECK(why != NULL);
		pool_done(&pool);
	}
}

static void
splits_a_list(void)
{
	struct pool pool = POOL_INIT;
	char **items = nexthop_split(&pool, "[a]:25, b.example,c ,, [::1]:26");

	CHECK_STR(items[0], "[a]:25");
	CHECK_STR(items[1], "b.example");
	CHECK_STR(items[2], "c");
	CHECK_STR(items[3], "[::1]:26");
	CHECK(items[4] == NULL);
	items = nexthop_split(&pool, "");
	CHECK(items[0] == NULL);
	pool_done(&pool);
}

int
main(void)
{
	TEST(takes_every_form_apart);
	TEST(refuses_what_means_nothing);
	TEST(splits_a_list);
	return test_end();
}
