#include <netinet/in.h>
#include <string.h>

#include "net/addr.h"
#include "tests/test.h"

static struct addr
parsed(const char *text, uint16_t port)
{
	struct addr a;

	if (!addr_parse(&a, text, port)) {
		printf("# %s is not an address\n", text);
		abort();
	}
	return a;
}

static void
addresses_are_parsed_and_formatted(void)
{
	static const struct {
		const char	*in, *out;	/* NULL: not an address */
		int		 family;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", AF_INET },
		{ "2001:DB8:0:0::1", "2001:db8::1", AF_INET6 },
		{ "::ffff:192.0.2.1", "192.0.2.1", AF_INET },
		{ "::1", "::1", AF_INET6 },
		{ "192.0.2", NULL, 0 },
		{ "192.0.2.256", NULL, 0 },
		{ "192.0.2.01x", NULL, 0 },
		{ "[::1]", NULL, 0 },
		{ " 192.0.2.1", NULL, 0 },
		{ "", NULL, 0 },
		{ "host.example", NULL, 0 },
	};
	struct addr a;
	char	    text[ADDR_TEXT];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool ok = addr_parse(&a, cases[i].in, 25);

		CHECK(ok == (cases[i].out != NULL));
		if (!ok || cases[i].out == NULL)
			continue;
		addr_text(&a, text);
		CHECK_STR(text, cases[i].out);
		CHECK_INT(addr_family(&a), cases[i].family);
		CHECK_INT(addr_port(&a), 25);
	}
}

static void
ports_do_not_matter_for_equality(void)
{
	struct addr a = parsed("192.0.2.1", 1), b = parsed("192.0.2.1", 2);
	struct addr c = parsed("2001:db8::1", 1), d = parsed("2001:db8::2", 1);

	CHECK(addr_equal(&a, &b));
	CHECK(!addr_equal(&a, &c));
	CHECK(!addr_equal(&c, &d));
	addr_set_port(&a, 587);
	addr_set_port(&c, 465);
	CHECK_INT(addr_port(&a), 587);
	CHECK_INT(addr_port(&c), 465);
}

static void
loopback_is_known(void)
{
	struct addr a = parsed("127.9.9.9", 0), b = parsed("::1", 0);
	struct addr c = parsed("128.0.0.1", 0), d = parsed("::2", 0);

	CHECK(addr_is_loopback(&a) && addr_is_loopback(&b));
	CHECK(!addr_is_loopback(&c) && !addr_is_loopback(&d));
}

static void
a_mapped_peer_becomes_ipv4(void)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6,
	    .sin6_port = htons(25) };
	struct addr	    a;
	char		    text[ADDR_TEXT];

	memcpy(sa.sin6_addr.s6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7",
	    16);
	CHECK(addr_from_sockaddr(&a, (void *)&sa, sizeof sa));
	addr_text(&a, text);
	CHECK_STR(text, "192.0.2.7");
	CHECK_INT(addr_port(&a), 25);
	CHECK(!addr_from_sockaddr(&a, (void *)&sa, 10));
}

static void
endpoints_are_split(void)
{
	static const struct {
		const char	*text, *host, *port;
	} cases[] = {
		{ "mx.example", "mx.example", "" },
		{ "mx.example:587", "mx.example", "587" },
		{ "[mx.example]", "mx.example", "" },
		{ "[mx.example]:submission", "mx.example", "submission" },
		{ ":25", "", "25" },
		{ "[2001:db8::1]:25", "2001:db8::1", "25" },
		{ "[IPv6:2001:db8::1]", "2001:db8::1", "" },
		{ "2001:db8::1", "2001:db8::1", "" },
		{ "192.0.2.1:", "192.0.2.1", "" },
		{ "", "", "" },
	};
	static const struct {
		const char	*text, *why;
	} bad[] = {
		{ "[mx.example", "missing \"]\"" },
		{ "[mx.example]25", "unexpected text after \"]\"" },
		{ "[]:25", "no host between \"[\" and \"]\"" },
		{ "a:b:c", "an IPv6 address must be between \"[\" and \"]\"" },
	};
	char	   *host, *port, text[100];
	const char *why;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		strcpy(text, cases[i].text);
		CHECK(addr_split_host_port(text, &host, &port, &why));
		CHECK_STR(host ? host : "", cases[i].host);
		CHECK_STR(port ? port : "", cases[i].port);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		strcpy(text, bad[i].text);
		CHECK(!addr_split_host_port(text, &host, &port, &why));
		CHECK_STR(why, bad[i].why);
	}
}

static void
services_have_ports(void)
{
	CHECK_INT(addr_service_port("smtp"), 25);
	CHECK_INT(addr_service_port("2525"), 2525);
	CHECK_INT(addr_service_port("submission"), 587);
	CHECK_INT(addr_service_port("65536"), 0);
	CHECK_INT(addr_service_port("0"), 0);
	CHECK_INT(addr_service_port("no-such-service"), 0);
}

static void
known_ports_go_before_the_systems(void)
{
	addr_set_known_ports("smtp=2525,a = b=7 , no-such-service=99,x=,y=0");
	CHECK_INT(addr_service_port("smtp"), 2525);
	CHECK_INT(addr_service_port("a"), 7);
	CHECK_INT(addr_service_port("b"), 7);
	CHECK_INT(addr_service_port("no-such-service"), 99);
	CHECK_INT(addr_service_port("x"), 0);
	CHECK_INT(addr_service_port("y"), 0);
	CHECK_INT(addr_service_port("submission"), 587);
	addr_set_known_ports("");
	CHECK_INT(addr_service_port("smtp"), 25);
}

static void
lists_grow_and_interfaces_are_listed(void)
{
	struct addr_list l = { 0 };
	struct addr	 lo = parsed("127.0.0.1", 0);

	for (int i = 0; i < 100; i++) {
		char text[20];

		snprintf(text, sizeof text, "192.0.2.%d", i);
		addr_list_add(&l, &(struct addr){ .sa.ss_family = 0 });
		l.items[l.count - 1] = parsed(text, 0);
	}
	CHECK_INT(l.count, 100);
	CHECK(!addr_list_has(&l, &lo));
	CHECK(addr_interfaces(&l));
	CHECK(addr_list_has(&l, &lo));
	addr_list_done(&l);
	CHECK_INT(l.count, 0);
}

int
main(void)
{
	TEST(addresses_are_parsed_and_formatted);
	TEST(ports_do_not_matter_for_equality);
	TEST(known_ports_go_before_the_systems);
	TEST(loopback_is_known);
	TEST(a_mapped_peer_becomes_ipv4);
	TEST(endpoints_are_split);
	TEST(services_have_ports);
	TEST(lists_grow_and_interfaces_are_listed);
	return test_end();
}
