#include "smtpd/auth.h"
#include "tests/test.h"

static void
of_auth_lines_the_mechanism_is_shown(void)
{
	static const struct {
		const char *line;
		unsigned    shown;
	} rows[] = {
		{ "AUTH PLAIN AGEAYg==", 10 },
		{ "auth login YQ==", 10 },
		{ "  AUTH  PLAIN  AGEAYg==", 13 },
		{ "AUTH\tPLAIN AGEAYg==", 10 },
		{ "AUTH PLAIN", 10 },
		{ "AUTH", 4 },
		{ "AUTHX PLAIN a", 0 },
		{ "EHLO AUTH PLAIN", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_INT(auth_shown(rows[i].line), rows[i].shown);
}

int
main(void)
{
	TEST(of_auth_lines_the_mechanism_is_shown);
	return test_end();
}
