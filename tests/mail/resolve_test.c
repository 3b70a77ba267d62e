#include "mail/literal.c"
#include "mail/route.c"
#include "mail/resolve.c"

#include "conf/conf.h"
#include "tests/test.h"

static const char *const settings[] = {
	"myhostname=mx.home.example", "mydomain=home.example",
	"myorigin=home.example",
	"mydestination=mx.home.example, home.example",
	"inet_interfaces=127.0.0.1", "proxy_interfaces=",
	"append_dot_mydomain=no", "recipient_delimiter=+",
	"relay_domains=relayed.example", "smtputf8_enable=yes",
	"parent_domain_matches_subdomains=relay_domains",
	"virtual_alias_domains=alias.example",
	"virtual_mailbox_domains=box.example",
	("transport_maps=inline:{ { full+ext@t.example = smtp:FULLEXT },"
	" { full@t.example = smtp:FULL }, { t.example = smtp:DOM },"
	" { .t.example = smtp:SUB }, { nullnext.example = slow: },"
	" { nulltr.example = :NT }, { nul.example = : },"
	" { local@home.example = smtp:LOC }, { e.example = error: },"
	" { r.example = retry: }, { bare.example = slow } }"),
	"relocated_maps=inline:{ { moved@home.example = new@else.example } }",
	("sender_dependent_relayhost_maps=inline:{"
	" { s1@home.example = [sdr.example] }, { @dom.example = [sdrdom]:25 },"
	" { s2@home.example = DUNNO }, { <> = [nullsender] } }"),
	("sender_dependent_default_transport_maps=inline:{"
	" { d1@home.example = slow:SDT }, { d2@home.example = slow } }"),
};

static void
configure(void)
{
	const char *why = "";
	bool	    ok = true;

	conf_set_dir("/dev/null");
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		ok = conf_override(settings[i], &why) && ok;
	ok = conf_load(&param_mail, &why) && ok;
	ok = own_addr_init(conf_mail.inet_interfaces,
	    conf_mail.proxy_interfaces, "all", &why) && ok;
	if (!ok) {
		printf("Bail out! %s\n", why);
		exit(1);
	}
	route_init();
	resolve_init();
}

/* "transport:nexthop recipient", the recipient only if it is another. */
static void
check(const char *sender, const char *recipient, const char *want,
    unsigned flags)
{
	struct answer a = ANSWER_INIT;
	struct buf    got = BUF_INIT;

	resolve(ROUTE_MAIL, sender, recipient, &a);
	buf_addf(&got, "%s:%s", a.route.transport.data, a.route.nexthop.data);
	if (strcmp(a.recipient.data, recipient) != 0)
		buf_addf(&got, " %s", a.recipient.data);
	if (strcmp(got.data, want) != 0 || a.flags != flags)
		printf("# %s: %s, flags %u\n", recipient, got.data, a.flags);
	CHECK_STR(got.data, want);
	CHECK_INT(a.flags, flags);
	resolve_answer_done(&a);
	buf_done(&got);
}

static void
domains_have_classes(void)
{
	check("", "u@home.example", "local:mx.home.example",
	    RESOLVE_CLASS_LOCAL);
	check("", "u@MX.Home.example", "local:mx.home.example",
	    RESOLVE_CLASS_LOCAL);
	check("x@y", "u@relayed.example", "relay:relayed.example",
	    RESOLVE_CLASS_RELAY);
	check("x@y", "u@sub.relayed.example", "relay:sub.relayed.example",
	    RESOLVE_CLASS_RELAY);
	check("x@y", "u@alias.example",
	    "error:5.1.1 User unknown in virtual alias table",
	    RESOLVE_CLASS_ALIAS);
	check("x@y", "u@box.example", "virtual:box.example",
	    RESOLVE_CLASS_VIRTUAL);
	check("x@y", "u@sub.box.example", "smtp:sub.box.example",
	    RESOLVE_CLASS_DEFAULT);
	check("x@y", "u@Far.Example", "smtp:Far.Example",
	    RESOLVE_CLASS_DEFAULT);
}

static void
our_domain_is_stripped_and_routing_found(void)
{
	check("x@y", "a%far.example@home.example",
	    "smtp:far.example a@far.example", RESOLVE_CLASS_DEFAULT);
	check("x@y", "far.example!u@home.example",
	    "smtp:far.example u@far.example", RESOLVE_CLASS_DEFAULT);
	check("x@y", "x@far.example@home.example",
	    "smtp:far.example x@far.example", RESOLVE_CLASS_DEFAULT);
	check("x@y", "x@y@far.example@home.example",
	    "smtp:far.example x@y@far.example",
	    RESOLVE_CLASS_DEFAULT | RESOLVE_ROUTED);
	check("x@y", "x%y@far.example", "smtp:far.example",
	    RESOLVE_CLASS_DEFAULT | RESOLVE_ROUTED);
	check("x@y", "x%mx.home.example@home.example",
	    "local:mx.home.example x@mx.home.example", RESOLVE_CLASS_LOCAL);
}

static void
odd_addresses_end_somewhere(void)
{
	check("", "", "local:mx.home.example MAILER-DAEMON@mx.home.example",
	    RESOLVE_CLASS_LOCAL);
	check("", "@home.example",
	    "local:mx.home.example MAILER-DAEMON@home.example",
	    RESOLVE_CLASS_LOCAL);
	check("", "u", "local:mx.home.example u@home.example",
	    RESOLVE_CLASS_LOCAL);
	check("", "u@home.example.", "local:mx.home.example u@home.example",
	    RESOLVE_CLASS_LOCAL);
	check("", "u@home.example@", "local:mx.home.example u@home.example",
	    RESOLVE_CLASS_LOCAL);
	check("", "u@home.example.@@", "local:mx.home.example u@home.example",
	    RESOLVE_CLASS_LOCAL);
	check("x@y", "u@far.example@", "smtp:far.example u@far.example",
	    RESOLVE_CLASS_DEFAULT);
}

static void
bad_domains_are_errors(void)
{
	static const char *const bad[] = {
		"u@", "u@home.example..", "a@far..example", "a@-far.example",
		"a@.far.example", "a@1.2.3.4", "a@[1.2.3]", "a@[1.2.3.4].x",
		"a@[2001:db8::1]", "-min@far.example", "@", "@@", "u@@",
		"u@bad..name@", "u@home.example@.",
		"u@-b\303\274.example", "u@b\303\274..example",
		"u@xn--\303\244.example", "u@b\303\274.a-.example",
		"u@b\303\274!.example", "u@.\303\274",
	};
	struct answer a = ANSWER_INIT;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		resolve(ROUTE_MAIL, "x@y", bad[i], &a);
		if (!(a.flags & RESOLVE_ERROR))
			printf("# %s\n", bad[i]);
		CHECK(a.flags & RESOLVE_ERROR);
		CHECK_STR(a.route.transport.data, "error");
		CHECK_STR(a.route.nexthop.data, "5.1.3 bad address syntax");
	}
	resolve_answer_done(&a);
}

static void
domains_in_utf8_are_good_if_dns_can_have_them(void)
{
	check("x@y", "u@b\303\274cher.example", "smtp:b\303\274cher.example",
	    RESOLVE_CLASS_DEFAULT);
	check("x@y", "u@\342\230\203.example", "smtp:\342\230\203.example",
	    RESOLVE_CLASS_DEFAULT);		/* a symbol */
	check("x@y", "u@b_\303\274.example.",
	    "smtp:b_\303\274.example u@b_\303\274.example",
	    RESOLVE_CLASS_DEFAULT);
}

static void
literals_are_ours_or_not(void)
{
	check("x@y", "a@[127.0.0.1]", "local:mx.home.example",
	    RESOLVE_CLASS_LOCAL);
	check("x@y", "a@[198.51.100.5]", "smtp:[198.51.100.5]",
	    RESOLVE_CLASS_DEFAULT);
	check("x@y", "a@[IPv6:2001:db8::1]", "smtp:[IPv6:2001:db8::1]",
	    RESOLVE_CLASS_DEFAULT);
}

static void
transport_tables_know_addresses_domains_and_parents(void)
{
	enum { D = RESOLVE_CLASS_DEFAULT };

	check("x@y", "full+ext@t.example", "smtp:FULLEXT", D);
	check("x@y", "full+other@t.example", "smtp:FULL", D);
	check("x@y", "other@t.example", "smtp:DOM", D);
	check("x@y", "a@s.t.example", "smtp:SUB", D);
	check("x@y", "a@x.s.t.example", "smtp:SUB", D);
	check("x@y", "local+x@home.example", "smtp:LOC", RESOLVE_CLASS_LOCAL);
}

static void
half_a_table_entry_changes_half(void)
{
	enum { D = RESOLVE_CLASS_DEFAULT };

	check("x@y", "a@nullnext.example", "slow:nullnext.example", D);
	check("x@y", "a@bare.example", "slow:bare.example", D);
	check("x@y", "a@nulltr.example", "smtp:NT", D);
	check("x@y", "a@nul.example", "smtp:nul.example", D);
	check("x@y", "a@e.example", "error:Address is undeliverable", D);
	check("x@y", "a@r.example", "retry:Address is undeliverable", D);
}

static void
relocated_users_are_told(void)
{
	check("x@y", "moved@home.example",
	    "error:5.1.6 User has moved to new@else.example",
	    RESOLVE_CLASS_LOCAL);
	check("x@y", "moved+x@home.example",
	    "error:5.1.6 User has moved to new@else.example",
	    RESOLVE_CLASS_LOCAL);
}

static void
senders_have_relay_hosts(void)
{
	enum { D = RESOLVE_CLASS_DEFAULT, R = RESOLVE_CLASS_RELAY };

	check("s1@home.example", "a@far.example", "smtp:[sdr.example]", D);
	check("s1@home.example", "a@relayed.example", "relay:[sdr.example]",
	    R);
	check("s1@home.example", "a@nulltr.example", "smtp:NT", D);
	check("any@dom.example", "a@far.example", "smtp:[sdrdom]:25", D);
	check("s2@home.example", "a@far.example", "smtp:far.example", D);
	check("", "a@far.example", "smtp:[nullsender]", D);
	check("d1@home.example", "a@far.example", "slow:SDT", D);
	check("d2@home.example", "a@far.example", "slow:far.example", D);
	check("d1@home.example", "a@relayed.example", "relay:relayed.example",
	    R);
}

static void
plain_addresses_are_told_from_others(void)
{
	CHECK(resolve_is_plain("user+ext@x"));
	CHECK(!resolve_is_plain("user"));
	CHECK(!resolve_is_plain("@x"));
	CHECK(!resolve_is_plain("-x@x"));
	CHECK(!resolve_is_plain("a%b@x"));
	CHECK(!resolve_is_plain("a!b@x"));
	CHECK(!resolve_is_plain("a@b@x"));
}

static void
text_without_transport_sets_only_the_next_hop(void)
{
	struct route r = { .transport = BUF_INIT, .nexthop = BUF_INIT };

	route_set_text(&r, "smtp : [a]:25", "d");
	CHECK_STR(r.transport.data, "smtp");
	CHECK_STR(r.nexthop.data, "[a]:25");
	route_set_text(&r, ":b", "d");
	CHECK_STR(r.transport.data, "smtp");
	CHECK_STR(r.nexthop.data, "b");
	route_set_text(&r, "x", NULL);
	CHECK_STR(r.transport.data, "x");
	CHECK_STR(r.nexthop.data, "b");
	buf_done(&r.transport);
	buf_done(&r.nexthop);
}

int
main(void)
{
	configure();
	TEST(domains_have_classes);
	TEST(our_domain_is_stripped_and_routing_found);
	TEST(odd_addresses_end_somewhere);
	TEST(bad_domains_are_errors);
	TEST(domains_in_utf8_are_good_if_dns_can_have_them);
	TEST(literals_are_ours_or_not);
	TEST(transport_tables_know_addresses_domains_and_parents);
	TEST(half_a_table_entry_changes_half);
	TEST(relocated_users_are_told);
	TEST(senders_have_relay_hosts);
	TEST(plain_addresses_are_told_from_others);
	TEST(text_without_transport_sets_only_the_next_hop);
	return test_end();
}
