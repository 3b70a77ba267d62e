#include "mail/address.h"
#include "mail/rewrite.h"
#include "tests/test.h"
#include "util/mem.h"

static void
quotes_local_parts_that_need_it(void)
{
	static const struct {
		const char *internal, *external;
	} t[] = {
		{ "", "" },
		{ "bob", "bob" },
		{ "bob@x.example", "bob@x.example" },
		{ "a b@x", "\"a b\"@x" },
		{ "a..b@x", "\"a..b\"@x" },
		{ ".a@x", "\".a\"@x" },
		{ "a.@x", "\"a.\"@x" },
		{ "@x", "\"\"@x" },
		{ "a@b@c", "\"a@b\"@c" },
		{ "a\"b\\c@x", "\"a\\\"b\\\\c\"@x" },
		{ "j\303\266rg@x", "j\303\266rg@x" },
		{ "[1.2.3.4]", "\"[1.2.3.4]\"" },
		{ "a/b=c'd&e@x", "a/b=c'd&e@x" },
		{ "@a,@b.c:bob@x", "@a,@b.c:bob@x" },
		{ "@a:b c@x", "@a:\"b c\"@x" },
		{ "@a b:c@x", "\"@a b:c\"@x" },
	};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		buf_clear(&b);
		address_quote(&b, t[i].internal);
		CHECK_STR(b.data, t[i].external);
		buf_clear(&b);
		CHECK(address_unquote(&b, t[i].external));
		CHECK_STR(b.data, t[i].internal);
	}
	buf_clear(&b);
	CHECK(!address_unquote(&b, "\"open@x"));
	CHECK(!address_unquote(&b, "x\\"));
	buf_done(&b);
}

static void
splits_extensions_but_not_of_special_names(void)
{
	static const struct {
		const char *local, *delimiters;
		int	    at;		/* -1 none */
	} t[] = {
		{ "bob+x", "+", 3 },
		{ "bob", "+", -1 },
		{ "+x", "+", -1 },
		{ "bob-x", "+-", 3 },
		{ "bob+x-y", "-+", 3 },
		{ "bob+x", "", -1 },
		{ "owner-list", "-", -1 },
		{ "owner-", "-", -1 },
		{ "list-request", "-", -1 },
		{ "owner-list+x", "+", 10 },
		{ "mailer-daemon", "-", -1 },
		{ "MAILER-DAEMON", "-", -1 },
		{ "double-bounce", "-", -1 },
	};

	static const struct address_names no_lists = { "-", "double-bounce",
	    false };

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		const struct address_names names = { t[i].delimiters,
		    "double-bounce", true };
		const char *p = address_extension(t[i].local,
		    strlen(t[i].local), &names);

		CHECK_INT(p == NULL ? -1 : p - t[i].local, t[i].at);
	}
	CHECK_STR(address_extension("owner-x", 7, &no_lists), "-x");
	CHECK_STR(address_extension("x-request", 9, &no_lists), "-request");
}

/* Every line was tried on Postfix; NULL: refused.  It refuses some of these
 * domains, too: see smtpd/path.c. */
static const struct {
	const char *text, *internal, *rest;
} paths[] = {
	{ "<a@b>", "a@b", "" },
	{ " <a@b>", "a@b", "" },
	{ "   a@b", "a@b", "" },
	{ "a@b c", "a@b", " c" },
	{ "<a@b> SIZE=1", "a@b", " SIZE=1" },
	{ "<>", "", "" },
	{ "< >", "", "" },
	{ "<\"\">", "", "" },
	{ "<a b@c>", NULL, "" },
	{ "<a@b c>", NULL, "" },
	{ "< a@b >", "a@b", "" },
	{ "<\"a b\"@c>", "a b@c", "" },
	{ "\"a b\"@c", "a b@c", "" },
	{ "<a.\"b c\"@d>", "a.b c@d", "" },
	{ "<a..b@c>", "a..b@c", "" },
	{ "<a,b@c>", NULL, "" },
	{ "<a>,<b>", NULL, "" },
	{ "<a@b><c@d>", NULL, "" },
	{ "<a@b>x", NULL, "" },
	{ "<<a@b>>", "a@b", "" },
	{ "Joe <a@b>", "Joe", " <a@b>" },
	{ "<(c)a@b>", "a@b", "" },
	{ "<a(c)@b>", "a@b", "" },
	{ "<a\\ b@c>", "a b@c", "" },
	{ "<a\\@b@c>", "a@b@c", "" },
	{ "<a@b@c>", "a@b@c", "" },
	{ "<@b>", "@b", "" },
	{ "<a@>", "a@", "" },
	{ "<@>", "@", "" },
	{ "<@a:b>", "b", "" },
	{ "<@a,@b:c@d>", "c@d", "" },
	{ "<@a@b:c@d>", "c@d", "" },
	{ "<a:b@c>", "a:b@c", "" },
	{ "<a;b@c>", NULL, "" },
	{ "<a@[1.2.3.4]>", "a@[1.2.3.4]", "" },
	{ "<a@[IPv6:::1]>", "a@[IPv6:::1]", "" },
	{ "<a@[1.2.3.4>", "a@[1.2.3.4]", "" },
	{ "<a@1.2.3.4>", "a@1.2.3.4", "" },
	{ "<a@[bad]>", "a@[bad]", "" },
	{ "<a@b.>", "a@b.", "" },
	{ "<a@b..>", "a@b..", "" },
	{ "<a@.b>", "a@.b", "" },
	{ "<a@b..c>", "a@b..c", "" },
	{ "<a@-b>", "a@-b", "" },
	{ "<a@b_c>", "a@b_c", "" },
	{ "<\"\"@a>", "@a", "" },
	{ "<\"a>", NULL, "" },
	{ "<\"a\"b@c>", NULL, "" },
	{ "<a \"b\"@c>", NULL, "" },
	{ "<a@\"b\">", "a@b", "" },
	{ "<[1.2.3.4]>", "[1.2.3.4]", "" },
	{ "<a@b", NULL, "" },
	{ "a@b>", "a@b", "" },
	{ "<a@b>>", "a@b", "" },
	{ "<a@b>FOO", NULL, "" },
	{ "<a<b@c>", NULL, "" },
	{ "<a>b@c>", NULL, "" },
	{ "<\"a>b\"@c>", "a>b@c", "" },
	{ "<\"a\\\"b\"@c>", "a\"b@c", "" },
	{ "\"a\\\"b@c", NULL, "" },
	{ ",a@b", "a@b", "" },
	{ "a@b,", "a@b", "" },
	{ "<,a@b>", "a@b", "" },
	{ "<:a@b>", ":a@b", "" },
	{ "<.>", ".", "" },
	{ "<()>", "", "" },
	{ "", NULL, "" },
};

static void
takes_paths_as_postfix_does(void)
{
	struct buf  b = BUF_INIT;
	const char *rest, *why;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		bool ok;

		buf_set(&b, "kept:");
		ok = address_parse_path(&b, paths[i].text, &rest, false, &why);
		if (ok != (paths[i].internal != NULL))
			printf("# %s\n", paths[i].text);
		CHECK(ok == (paths[i].internal != NULL));
		if (!ok) {
			CHECK_STR(b.data, "kept:");
			CHECK(*why != '\0');
			continue;
		}
		CHECK_STR(b.data + 5, paths[i].internal);
		CHECK_STR(rest, paths[i].rest);
	}
	buf_done(&b);
}

static void
comments_around_a_path_are_ignored(void)
{
	static const struct {
		const char *text, *address;
	} t[] = {
		{ "(c)<a@b>", "a@b" }, { "<a@b>(c)", "a@b" },
		{ "(c(d)\\))<\"a>\"@b>(<e>)", "a>@b" },
		{ "<a(c)@b>", "a@b" }, { "(c)", NULL }, { "(c)<a@b", NULL },
		{ "x(c)<a@b>", NULL }, { "<a@b>(c)x", NULL },
	};
	struct buf  b = BUF_INIT;
	const char *rest, *why;
	bool	    ok;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		buf_clear(&b);
		ok = address_parse_path(&b, t[i].text, &rest, false, &why) &&
		    b.len > 0 && *rest == '\0';
		CHECK(ok == (t[i].address != NULL));
		if (ok)
			CHECK_STR(b.data, t[i].address);
		if (!test_ok)
			printf("# %s\n", t[i].text);
	}
	buf_done(&b);
}

static void
strict_paths_have_brackets_and_no_comments(void)
{
	static const struct {
		const char *text;
		bool	    ok;
	} t[] = {
		{ "a@b", false }, { " <a@b>", true }, { "<a@b >", true },
		{ "< a@b>", true }, { "<\"a b\"@c>", true },
		{ "<a..b@c>", true }, { "<@x:a@b>", true },
		{ "<a@b>x", false }, { "<a(c)@b>", false },
		{ "(c)<a@b>", false }, { "<a@b>(c)", false },
		{ "<>", true }, { "<@b>", false }, { "<\"\"@b>", false },
		{ "<@x:@b>", false },
	};
	struct buf  b = BUF_INIT;
	const char *rest, *why;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		buf_clear(&b);
		if (address_parse_path(&b, t[i].text, &rest, true, &why) !=
		    t[i].ok)
			printf("# %s\n", t[i].text);
		CHECK(address_parse_path(&b, t[i].text, &rest, true, &why) ==
		    t[i].ok);
	}
	buf_done(&b);
}

/* Rewrites every address of a header's value; the result of Postfix's
 * cleanup for the same. */
static const struct {
	const char *value, *result;
} headers[] = {
	{ "To: a,b,c", "To: a@h.example, b@h.example, c@h.example" },
	{ "To: Joe <joe@x.example>, , , Bob",
	  "To: Joe <joe@x.example>, , , Bob@h.example" },
	{ "Sender: <@a,@b:foo@h.example>", "Sender: <foo@h.example>" },
	{ "From: John Q. Public <jq>", "From: John Q.Public <jq@h.example>" },
	{ "From: alice bob@h.example",
	  "From: alice@h.example, bob@h.example" },
	{ "From: Pete(A nice \\) chap) <pete(his account)@silly.test(his "
	  "host)>, x",
	  "From: Pete (A nice \\) chap) <pete@silly.test (his account) "
	  "(his host)>,\r\n\tx@h.example" },
	{ "Errors-To: group: alice, bob@x , carol;, dave",
	  "Errors-To: group: alice@h.example, bob@x, carol@h.example;,\r\n"
	  "\tdave@h.example" },
	{ "To: a;b", "To: a@h.example;, b@h.example" },
	{ "Cc: (Empty list)(start)Hidden recipients  "
	  ":(nobody(that I know))  ; , x",
	  "Cc: (Empty list) (start) Hidden recipients: "
	  "(nobody(that I know));,\r\n\tx@h.example" },
	{ "To: a  .  b  @  c . d, x", "To: a.b@c.d, x@h.example" },
	{ "To: \"a b\" c \"d e\"  <x>, y",
	  "To: \"a b\" c \"d e\" <x@h.example>, y@h.example" },
	{ "To: x <y> z", "To: x <y@h.example>, z@h.example" },
	{ "To: x (one) (two)(three), y(z)",
	  "To: x@h.example (one) (two) (three), y@h.example (z)" },
	{ "To: \"a\"@b, \"a\".\"b\"@c, a.\"b c\".d@e, x",
	  "To: a@b, a.b@c, \"a.b c.d\"@e, x@h.example" },
	{ "To: x@y.z., a@[1.2.3.4], q", "To: x@y.z, a@[1.2.3.4], q@h.example" },
	{ "To: x\\,y, z\\y", "To: \"x,y\"@h.example, zy@h.example" },
	{ "To: a!b!c, x%y, x%y@h.example", "To: b!c@a, x@y, x%y@h.example" },
	{ "To: x (a\r\n  b)", "To: x@h.example (a   b)" },
	{ "To: <x y@z>, u", "To: <xy@z>, u@h.example" },
	{ "To: John <jdoe@one.test> (my friend); (end), x",
	  "To: John <jdoe@one.test>(my friend);(end), x@h.example" },
	{ "To: =?utf-8?q?x?= <y>", "To: =?utf-8?q?x?= <y@h.example>" },
	{ "From: a <b> c <d>", "From: a <b@h.example>c <d@h.example>" },
	{ "Resent-From: a@host,", "Resent-From: a@host, " },
	{ "To: :include:/x, b", "To: \":include:/x\"@h.example, b@h.example" },
	{ "Errors-To: :", "Errors-To: \":\"@h.example" },
	{ "Errors-To: :;", "Errors-To: : ;" },
	{ "Mail-Followup-To: ;", "Mail-Followup-To: ;" },
	{ "To: \"Doe, J\" <j@x.example> g: a, b;, c",
	  "To: \"Doe, J\" <j@x.example>g: a@h.example, b@h.example;, "
	  "c@h.example" },
	{ "Reply-To: a <x>, b <y>, c <z>, d <w>, e <v>, f <u>",
	  "Reply-To: a <x@h.example>, b <y@h.example>, c <z@h.example>,\r\n"
	  "\td <w@h.example>, e <v@h.example>, f <u@h.example>" },
	/* what was not closed ends with the field */
	{ "To: \"a <b@x.example>, c", "To: \"a <b@x.example>, c\"@h.example" },
	{ "To: a, \"b <c>", "To: a@h.example, \"b <c>\"@h.example" },
	{ "To: [a, b", "To: \"[a, b]\"@h.example" },
	{ "To: a (b, c", "To: a@h.example (b, c" },
	{ "To: a, \"b\\", "To: a@h.example, b@h.example" },
	{ "To: a, b\\", "To: a@h.example, b@h.example" },
	{ "To: <a", "To: \"<a\"@h.example" },
	{ "To: x, a>", "To: \"x, a\"@h.example>" },
	{ "To: X <a@b, Y <c>", "To: \"X <a\"@b, Y <c@h.example>" },
	{ "To: <<a>>", "To: < <\"a>\"@h.example>" },
	{ "To: <a, b>", "To: <\"a, b\"@h.example>" },
	{ "To: <\"a\" b>", "To: <\"a b\"@h.example>" },
	/* a comment belongs to the address that it stands in or after, or to
	 * the next one if no comma is between them */
	{ "To: a (x) b", "To: a@h.example, b@h.example (x)" },
	{ "To: a,(x)b", "To: a@h.example, b@h.example (x)" },
	{ "To: a (x)\n , b", "To: a@h.example (x), b@h.example" },
	{ "To: X <a> (c) Y", "To: X <a@h.example>, Y@h.example (c)" },
	/* groups */
	{ "To: g: a, b; h: c;", "To: g: a@h.example, b;h: c@h.example;" },
	{ "To: g: a, h: b;", "To: g: a@h.example, h: b@h.example;" },
	{ "To: g: <a>; <b>", "To: g: <a@h.example>; <b@h.example>" },
	{ "To: g: p <x>; q <y>", "To: g: p <x@h.example>;q <y@h.example>" },
	{ "To: a, g:;", "To: a@h.example, g: ;" },
	{ "To: a: b <c>", "To: a@h.example:b <c@h.example>" },
	/* in quotes nothing separates */
	{ "To: \"a@b\"", "To: \"a@b\"@h.example" },
	{ "To: a\\@b", "To: \"a@b\"@h.example" },
	{ "To: \"a!b\", \"c%d\"", "To: a!b@h.example, c%d@h.example" },
	{ "To: \"a\"!b, a!\"b c\"", "To: b@a, \"b c\"@a" },
	{ "To: a@[b@c], [a@b]", "To: \"a@[b\"@c], \"[a@b]\"@h.example" },
	{ "To: [x\"y]", "To: \"[x\\\"y]\"@h.example" },
	{ "To: a, \"x\n\ty\"@b", "To: a@h.example, \"x  y\"@b" },
	{ "To: a, (x\n\ty)", "To: a@h.example, (x \ty)" },
	{ "To: \\, b\\c <d>, x\\ y", "To: \",\" bc <d@h.example>, \"x y\"@h.example" },
	{ "To: a] b, \"q\" ] [l] c", "To: \"a]b\"@h.example, "
	  "\"q][l]\"@h.example, c@h.example" },
	{ "To: a, \"b ", "To: a@h.example, \"b \"@h.example" },
	{ "To: <a@b, c>, <d@\"q r\">, x", "To: <a@b, c>, <d@q r>, x@h.example" },
	/* nobody */
	{ "To: @, \"\", \\", "To: \"\", \"\", \"\"" },
	{ "To: a@, @b:", "To: a@, @b:" },
	/* the tab of a new line doesn't count */
	{ "To: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa@h.example, "
	  "bbbbbbbbbbbbbbbbbbbbbbbbb@h.example, "
	  "ccccccccccccccccccccc@h.example, d@h.example",
	  "To: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa@h.example,\r\n"
	  "\tbbbbbbbbbbbbbbbbbbbbbbbbb@h.example, "
	  "ccccccccccccccccccccc@h.example,\r\n\td@h.example" },
};

static void
rewrites_headers_as_postfix_does(void)
{
	static const struct rewrite_rules rules = { .origin = "h.example",
	    .mydomain = "example", .append_at_origin = true,
	    .swap_bangpath = true, .percent_hack = true };
	struct buf  out = BUF_INIT, text = BUF_INIT, standard = BUF_INIT;
	struct pool pool = POOL_INIT;

	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		const char   *value = strchr(headers[i].value, ' ') + 1;
		struct token *list = address_parse_header(&pool, str_of(value),
		    1000);

		for (struct token *t = list; t != NULL; t = t->next) {
			if (t->type != TOKEN_ADDRESS)
				continue;
			buf_clear(&text);
			buf_clear(&standard);
			address_token_text(&text, t);
			rewrite_external(&standard, text.data, &rules);
			address_token_set(&pool, t, standard.data);
		}
		buf_clear(&out);
		buf_add(&out, headers[i].value,
		    (size_t)(value - headers[i].value));
		address_write_header(&out, list);
		CHECK_STR(out.data, headers[i].result);
		pool_clear(&pool);
	}
	pool_done(&pool);
	buf_done(&out);
	buf_done(&text);
	buf_done(&standard);
}

static void
leaves_out_what_is_over_the_token_limit(void)
{
	struct pool   pool = POOL_INIT;
	struct buf    out = BUF_INIT;
	struct token *list = address_parse_header(&pool, STR("a, b, c, d"), 3);

	address_write_header(&out, list);
	CHECK_STR(out.data, "a, b");
	pool_done(&pool);
	buf_done(&out);
}

static void
completes_addresses(void)
{
	static const struct rewrite_rules rules = { .origin = "h.example",
	    .mydomain = "example", .append_at_origin = true,
	    .append_dot_domain = true, .swap_bangpath = true,
	    .percent_hack = true };
	static const struct {
		const char *address, *standard;
	} t[] = {
		{ "", "" },
		{ "bob", "bob@h.example" },
		{ "bob@mx", "bob@mx.example" },
		{ "bob@mx.other", "bob@mx.other" },
		{ "bob@mx.", "bob@mx" },
		{ "bob@mx.other.", "bob@mx.other" },
		{ "bob@[IPv6:1]", "bob@[IPv6:1]" },
		{ "site!bob", "bob@site.example" },
		{ "site!bob@x.y", "site!bob@x.y" },
		{ "bob%site.y", "bob@site.y" },
		{ "bob%site@x.y", "bob%site@x.y" },
		{ "@a:bob@x.y", "bob@x.y" },
		{ "x@", "x@" },
		{ "a b", "a b@h.example" },
		{ "a b!c", "a b!c@h.example" },
		{ "a b@c", "a b@c.example" },
		{ "a@b@c", "a@b@c.example" },
		{ "@", "@" },
	};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		buf_clear(&b);
		rewrite_standard(&b, t[i].address, &rules);
		CHECK_STR(b.data, t[i].standard);
	}
	buf_done(&b);
}

static void
domains_have_the_shape_of_host_names_or_literals(void)
{
	static const struct {
		const char *name;
		bool	    ok;
	} cases[] = {
		{ "example.com", true }, { "example.com.", true },
		{ "a", true }, { "1a.2", true }, { "x_y.example", true },
		{ "m\xc3\xbcller.example", true }, { "a-b.c", true },
		{ "", false }, { ".", false }, { "a..b", false },
		{ ".a", false }, { "a.b..", false }, { "-a.b", false },
		{ "a-.b", false }, { "a.b-", false }, { "1.2.3.4", false },
		{ "19", false }, { "a b", false }, { "a/b", false },
		{ "a:b", false }, { "a@b", false }, { "a`b", false },
		{ "a{b", false }, { "A[", false }, { "9Z.z", true },
		{ "[192.0.2.1]", true }, { "[IPv6:2001:db8::1]", true },
		{ "[ipv6:::ffff:192.0.2.9]", true }, { "[]", false },
		{ "[192.0.2]", false }, { "[192.0.2.1", false },
		{ "[IPv6:]", false }, { "[IPv6:g::]", false },
		{ "[2001:db8::1]", false }, { "[host]", false },
	};
	char label[70], longest[300] = "";

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CHECK(address_is_domain(cases[i].name) == cases[i].ok);
		if (address_is_domain(cases[i].name) != cases[i].ok)
			printf("# %s\n", cases[i].name);
	}
	memset(label, 'a', sizeof label);
	CHECK(address_is_hostname(label, 63));
	CHECK(!address_is_hostname(label, 64));
	for (int i = 0; i < 255; i += 2)
		strcat(longest, "a.");
	CHECK(address_is_hostname(longest, 256));	/* with its dot */
	CHECK(!address_is_hostname("a.a", 0));
	CHECK(address_is_hostname(longest, 255));
	strcpy(longest + 256, "a");
	CHECK(!address_is_hostname(longest, 257));
}

int
main(void)
{
	TEST(quotes_local_parts_that_need_it);
	TEST(splits_extensions_but_not_of_special_names);
	TEST(takes_paths_as_postfix_does);
	TEST(comments_around_a_path_are_ignored);
	TEST(strict_paths_have_brackets_and_no_comments);
	TEST(domains_have_the_shape_of_host_names_or_literals);
	TEST(rewrites_headers_as_postfix_does);
	TEST(leaves_out_what_is_over_the_token_limit);
	TEST(completes_addresses);
	return test_end();
}
