#include "net/addr.h"
#include "table/match.h"
#include "tests/test.h"

static char
letter(enum match_result r)
{
	return r == MATCH_YES ? 'y' : r == MATCH_NO ? 'n' : '!';
}

static void
domains_match_as_the_first_item_says(void)
{
	static const struct {
		const char *items, *domain;
		bool	    parents;
		char	    want;
	} rows[] = {
		{ "home.example, localhost", "Home.Example", false, 'y' },
		{ "home.example", "a.home.example", false, 'n' },
		{ "home.example", "a.home.example", true, 'y' },
		{ "home.example", "ahome.example", true, 'n' },
		{ ".home.example", "a.home.example", false, 'y' },
		{ ".home.example", "home.example", false, 'n' },
		{ "!a.example, .example", "a.example", false, 'n' },
		{ "!a.example, .example", "b.example", false, 'y' },
		{ "inline:{a.example=x}", "a.example", false, 'y' },
		{ "inline:{a.example=x}", "b.a.example", true, 'y' },
		{ "inline:{a.example=x}", "b.a.example", false, 'n' },
		{ "inline:{ {.a.example = x} }", "b.a.example", false, 'y' },
		{ "fail:x", "a.example", false, '!' },
		{ "a.example, fail:x", "a.example", false, 'y' },
		{ "/no/such/file", "a.example", false, '!' },
		{ "", "a.example", false, 'n' },
		{ "[192.0.2.1]", "[192.0.2.1]", false, 'y' },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct match *m = match_new("test", rows[i].items,
		    rows[i].parents);

		CHECK_INT(letter(match_domain(m, rows[i].domain)),
		    rows[i].want);
		match_free(m);
	}
}

static void
clients_match_networks_and_names(void)
{
	static const struct {
		const char *items, *name, *address;
		char	    want;
	} rows[] = {
		{ "127.0.0.0/8 [::1]/128", NULL, "127.0.0.2", 'y' },
		{ "127.0.0.0/8 [::1]/128", NULL, "::1", 'y' },
		{ "127.0.0.0/8 [::1]/128", NULL, "::2", 'n' },
		{ "!192.0.2.1, 192.0.2.0/24", NULL, "192.0.2.1", 'n' },
		{ "!192.0.2.1, 192.0.2.0/24", NULL, "192.0.2.2", 'y' },
		{ "192.0.2.1/24", NULL, "192.0.2.2", '!' },
		{ "cidr:{{192.0.2.0/24 ok}}", NULL, "192.0.2.7", 'y' },
		{ ".example", "a.example", "192.0.2.1", 'y' },
		{ ".example", NULL, "192.0.2.1", 'n' },
		{ "a.example 192.0.2.1", "b.example", "192.0.2.1", 'y' },
		{ "static:all", "unknown", "192.0.2.1", 'y' },
	};
	struct addr a;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct match *m = match_new("test", rows[i].items, false);

		CHECK(addr_parse(&a, rows[i].address, 25));
		CHECK_INT(letter(match_client(m, rows[i].name, &a)),
		    rows[i].want);
		match_free(m);
	}
}

static void
words_match_without_case(void)
{
	struct match *m = match_new("notify_classes", "resource, Software",
	    false);

	CHECK_INT(letter(match_word(m, "software")), 'y');
	CHECK_INT(letter(match_word(m, "bounce")), 'n');
	match_free(m);
}

int
main(void)
{
	if (freopen("/dev/null", "w", stderr) == NULL)
		return 1;
	TEST(domains_match_as_the_first_item_says);
	TEST(clients_match_networks_and_names);
	TEST(words_match_without_case);
	return test_end();
}
