#include <string.h>

#include "net/proxy.h"
#include "tests/test.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2(rest) SIGNATURE rest, sizeof SIGNATURE rest - 1

static enum proxy_result
parse(const char *bytes, size_t len, char client[ADDR_TEXT], size_t *used)
{
	struct addr	  c, s;
	const char	 *why = NULL;
	enum proxy_result r = proxy_parse(bytes, len, &c, &s, used, &why);

	strcpy(client, "");
	if (r == PROXY_OK)
		addr_text(&c, client);
	if (r == PROXY_BAD || r == PROXY_MORE)
		CHECK(why != NULL);
	return r;
}

static void
lines_of_version_1(void)
{
	static const struct {
		const char	 *text;
		enum proxy_result result;
		const char	 *client;
	} rows[] = {
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 1000 25\r\n", PROXY_OK,
		    "192.0.2.1" },
		{ "PROXY TCP6 2001:db8::1 2001:db8::2 1000 25\r\nEHLO",
		    PROXY_OK, "2001:db8::1" },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 1000", PROXY_MORE, "" },
		{ "PRO", PROXY_MORE, "" },
		{ "", PROXY_MORE, "" },
		{ "PROXY TCP4 2001:db8::1 192.0.2.2 1000 25\r\n", PROXY_BAD,
		    "" },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 65536 25\r\n", PROXY_BAD,
		    "" },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 1000\r\n", PROXY_BAD, "" },
		{ "PROXY TCP4 mx.example 192.0.2.2 1000 25\r\n", PROXY_BAD,
		    "" },
		{ "PROXY UNKNOWN\r\n", PROXY_BAD, "" },
		{ "EHLO client.example\r\n", PROXY_BAD, "" },
		{ "PROXY TCP4 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		    PROXY_BAD, "" },
	};
	char   client[ADDR_TEXT];
	size_t used;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK(parse(rows[i].text, strlen(rows[i].text), client, &used)
		    == rows[i].result);
		CHECK_STR(client, rows[i].client);
	}
}

static void
headers_of_version_2(void)
{
	char   client[ADDR_TEXT];
	size_t used;

	CHECK(parse(V2("\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x03\xe8\0\x19"
	    "EHLO"), client, &used) == PROXY_OK);
	CHECK_STR(client, "192.0.2.1");
	CHECK(used == 28);
	CHECK(parse(V2("\x21\x11\0\x10\xc0\0\x02\x01\xc0\0\x02\x02\x03\xe8\0\x19"
	    "\x04\0\x01\0"), client, &used) == PROXY_OK);
	CHECK(used == 32);
	CHECK(parse(V2("\x20\0\0\0"), client, &used) == PROXY_NONE);
	CHECK(used == 16);
	CHECK(parse(V2("\x21\x11\0\x0c\xc0\0"), client, &used) == PROXY_MORE);
	CHECK(parse(V2("\x21\x11\0\x04\xc0\0\x02\x01"), client, &used) ==
	    PROXY_BAD);
	CHECK(parse(V2("\x31\x11\0\0"), client, &used) == PROXY_BAD);
	CHECK(parse(V2("\x21\x31\0\0"), client, &used) == PROXY_BAD);
	CHECK(parse(V2("\x22\x11\0\0"), client, &used) == PROXY_BAD);
	CHECK(parse(V2("\x21\x11\x10\0"), client, &used) == PROXY_BAD);
	CHECK(parse(V2(""), client, &used) == PROXY_MORE);
}

int
main(void)
{
	TEST(lines_of_version_1);
	TEST(headers_of_version_2);
	return test_end();
}
