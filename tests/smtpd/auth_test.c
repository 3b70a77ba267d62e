#include "smtpd/auth.h"
#include "tests/test.h"

static void
what_follows_a_mechanism_is_not_shown(void)
{
	static const struct {
		const char *sent;
		const char *shown;	/* NULL: all of it */
	} rows[] = {
		{ "AUTH PLAIN AGEAYg==", "AUTH PLAIN" },
		{ "auth login YQ==", "auth login" },
		{ "  AUTH  PLAIN  AGEAYg==", "  AUTH  PLAIN" },
		{ "AUTH\tPLAIN AGEAYg==", "AUTH\tPLAIN" },
		{ "RSET\r\nAUTH LOGIN\r\nYQ==\r\nYg==\r\n",
		    "RSET\r\nAUTH LOGIN" },
		{ "AUTH PLAIN", NULL },
		{ "AUTH", NULL },
		{ "AUTH \r\nYQ==", "AUTH " },
		{ "AUTHX PLAIN a", NULL },
		{ "EHLO AUTH PLAIN\r\nNOOP\r\n", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t len = strlen(rows[i].sent);
		size_t n = auth_shown(rows[i].sent, len);

		CHECK_INT(n, rows[i].shown == NULL ? len :
		    strlen(rows[i].shown));
		if (rows[i].shown != NULL)
			CHECK(memcmp(rows[i].sent, rows[i].shown, n) == 0);
	}
}

int
main(void)
{
	TEST(what_follows_a_mechanism_is_not_shown);
	return test_end();
}
