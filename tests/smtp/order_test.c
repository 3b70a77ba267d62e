#include "net/dns.h"
#include "smtp/route.h"
#include "tests/test.h"

static struct target
target(const char *name, unsigned preference, const char *address)
{
	struct target t = { .name = name, .preference = preference };

	addr_parse(&t.addr, address, 0);
	return t;
}

static const char *
names(const struct target *t, size_t n)
{
	static char text[64];

	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		strcat(text, t[i].name);
	return text;
}

static uint32_t
always_first(uint32_t below)
{
	(void)below;
	return 0;
}

static void
sorts_by_preference_and_keeps_the_order_of_equals(void)
{
	struct target t[] = {
		target("a", 20, "192.0.2.1"), target("b", 10, "192.0.2.2"),
		target("c", 20, "192.0.2.3"), target("d", 10, "192.0.2.4"),
	};

	route_sort(t, 4, "any", NULL);
	CHECK_STR(names(t, 4), "bdac");
}

static void
shuffles_only_among_equals(void)
{
	struct target t[] = {
		target("a", 10, "192.0.2.1"), target("b", 10, "192.0.2.2"),
		target("c", 10, "192.0.2.3"), target("d", 5, "192.0.2.4"),
	};

	route_sort(t, 4, "any", always_first);
	CHECK_STR(names(t, 1), "d");
	CHECK(strcmp(names(t, 4), "dabc") != 0);
}

static void
prefers_a_family_within_a_preference(void)
{
	struct target t[] = {
		target("a", 10, "192.0.2.1"), target("b", 20, "2001:db8::1"),
		target("c", 10, "2001:db8::2"), target("d", 20, "192.0.2.4"),
		target("e", 10, "2001:db8::3"),
	};

	route_sort(t, 5, "ipv6", NULL);
	CHECK_STR(names(t, 5), "ceabd");
	route_sort(t, 5, "ipv4", NULL);
	CHECK_STR(names(t, 5), "acedb");
}

static void
limits_the_number_but_keeps_both_families(void)
{
	struct target t[] = {
		target("a", 10, "2001:db8::1"), target("b", 10, "2001:db8::2"),
		target("c", 10, "2001:db8::3"), target("d", 10, "2001:db8::4"),
		target("e", 10, "192.0.2.1"), target("f", 10, "192.0.2.2"),
	};

	CHECK_INT(route_limit(t, 6, 0, true), 6);
	CHECK_INT(route_limit(t, 6, 9, true), 6);
	CHECK_INT(route_limit(t, 6, 4, false), 4);
	CHECK_STR(names(t, 4), "abcd");
	CHECK_INT(route_limit(t, 6, 4, true), 4);
	CHECK_STR(names(t, 4), "abef");
}

static uint32_t given;

static uint32_t
what_is_given(uint32_t below)
{
	return given < below ? given : 0;
}

static void
service_records_are_picked_by_weight(void)
{
	struct dns_record heavy = { .weight = 3 }, light = { .weight = 1 },
	    none = { .weight = 0 };
	struct dns_record *const all[] = { &none, &heavy, &light };
	static const size_t picked[] = { 1, 1, 1, 2, 0 };

	for (size_t i = 0; i < sizeof picked / sizeof *picked; i++) {
		given = (uint32_t)i;
		CHECK_INT(route_pick(all, 3, what_is_given), picked[i]);
	}
	given = 0;
	CHECK_INT(route_pick(all, 1, what_is_given), 0);
}

int
main(void)
{
	TEST(sorts_by_preference_and_keeps_the_order_of_equals);
	TEST(shuffles_only_among_equals);
	TEST(prefers_a_family_within_a_preference);
	TEST(limits_the_number_but_keeps_both_families);
	TEST(service_records_are_picked_by_weight);
	return test_end();
}
