#include "conf/param.h"
#include "mail/login_sender.h"
#include "tests/test.h"

static void
patterns_name_addresses_domains_and_more(void)
{
	static const struct {
		const char *patterns, *sender;
		bool	    fits;
	} rows[] = {
		{ "a@b.example", "a@b.example", true },
		{ "x@y, A@B.example", "a@b.EXAMPLE", true },
		{ "a@b.example", "a+x@b.example", true },
		{ "a@b.example", "a@c.example", false },
		{ "a", "a", true }, { "a", "a@b.example", false },
		{ "@b.example", "any@b.example", true },
		{ "@b.example", "any@c.b.example", false },
		{ "@b.example", "any", false },
		{ "*", "any@where.example", true }, { "*", "", true },
		{ "x*", "xy@b.example", false },
		{ "<>", "", true }, { "<>", "a@b.example", false },
		{ "a@b.example", "", false }, { "", "a@b.example", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK(login_sender_fits(rows[i].patterns, rows[i].sender) ==
		    rows[i].fits);
		if (!test_ok)
			printf("# %s: %s\n", rows[i].patterns, rows[i].sender);
	}
}

int
main(void)
{
	conf_mail.recipient_delimiter = "+";
	conf_mail.double_bounce_sender = "double-bounce";
	conf_mail.empty_address_local_login_sender_maps_lookup_key = "<>";
	TEST(patterns_name_addresses_domains_and_more);
	return test_end();
}
