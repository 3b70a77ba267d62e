#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "mail/expand.h"
#include "mail/maps.h"
#include "tests/test.h"
#include "util/buf.h"

static const char tables[] = "virtual_alias_maps = inline:{"
	" { one@h.example = other@x.example }"
	" { two@h.example = a@x.example, b }"
	" { b@h.example = c@x.example }"
	" { self@h.example = archive@x.example, self@h.example }"
	" { back@h.example = self@h.example, d@x.example }"
	" { loop1@h.example = loop2 } { loop2@h.example = loop1 }"
	" { d1@h.example = d2 } { d2@h.example = d3 } { d3@h.example = d4 }"
	" { d4@h.example = d5 } { d5@h.example = d6 }"
	" { many@h.example = 1@x 2@x 3@x 4@x 5@x 6@x 7@x 8@x 9@x }"
	" { long@h.example = loooooooooooooooooooooooooooooooooooooong@x }"
	" { ext@h.example = to@x.example } { @at.example = @x.example }"
	" { part@at.example = @y.example } { all@h.example = @all.example }"
	" { @all.example = everybody@x.example } { none@h.example = (nobody) }"
	" { group@h.example = g: a@x.example, b@x.example; } }";

/* The addresses, or the number of the failure and who is at fault. */
static const char *
expand(const char *address)
{
	static struct buf  out = BUF_INIT;
	struct pool	   pool = POOL_INIT;
	const char	 **list, *bad = "";
	size_t		   count;
	enum expand_result r = expand_aliases(&pool, address, &list, &count,
	    &bad);

	buf_clear(&out);
	if (r != EXPAND_OK)
		buf_addf(&out, "%d %s", r, bad);
	for (size_t i = 0; r == EXPAND_OK && i < count; i++)
		buf_addf(&out, "%s%s", i > 0 ? " " : "", list[i]);
	pool_done(&pool);
	return out.data;
}

static void
addresses_become_what_they_stand_for(void)
{
	static const struct {
		const char *address, *result;
	} t[] = {
		{ "nobody@h.example", "nobody@h.example" },
		{ "one@h.example", "other@x.example" },
		{ "ONE@H.example", "other@x.example" },
		{ "two@h.example", "a@x.example c@x.example" },
		{ "self@h.example", "archive@x.example self@h.example" },
		{ "back@h.example",
		    "archive@x.example self@h.example d@x.example" },
		{ "ext+e@h.example", "to+e@x.example" },
		{ "z+e@at.example", "z+e@x.example" },
		{ "part+e@at.example", "part+e@y.example" },
		{ "all+e@h.example", "everybody@x.example" },
		{ "group@h.example", "a@x.example b@x.example" },
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		CHECK_STR(expand(t[i].address), t[i].result);
}

static void
circles_and_depth_are_refused(void)
{
	char text[64];

	snprintf(text, sizeof text, "%d loop1@h.example", EXPAND_TOO_DEEP);
	CHECK_STR(expand("loop1@h.example"), text);
	snprintf(text, sizeof text, "%d d1@h.example", EXPAND_TOO_DEEP);
	CHECK_STR(expand("d1@h.example"), text);
	CHECK_STR(expand("d2@h.example"), "d6@h.example");
}

static void
too_much_is_refused(void)
{
	char text[64];

	snprintf(text, sizeof text, "%d many@h.example", EXPAND_TOO_MANY);
	CHECK_STR(expand("many@h.example"), text);
	CHECK(expand("long@h.example")[0] == '0' + EXPAND_TOO_LONG);
	CHECK(expand("none@h.example")[0] == '0' + EXPAND_TABLE_ERROR);
}

int
main(void)
{
	const char *why;

	conf_set_dir("/nonexistent");
	conf_override("myorigin=h.example", &why);
	conf_override("mydestination=h.example", &why);
	conf_override("recipient_delimiter=+", &why);
	conf_override("virtual_alias_recursion_limit=5", &why);
	conf_override("virtual_alias_expansion_limit=8", &why);
	conf_override("virtual_alias_address_length_limit=32", &why);
	if (!conf_override(tables, &why) || !conf_load(&param_mail, &why)) {
		printf("Bail out! %s\n", why);
		return 1;
	}
	maps_init();
	TEST(addresses_become_what_they_stand_for);
	TEST(circles_and_depth_are_refused);
	TEST(too_much_is_refused);
	return test_end();
}
