#include <stdio.h>
#include <string.h>

#include "net/proxy.h"
#include "tests/test.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2(rest) SIGNATURE rest, sizeof SIGNATURE rest - 1

enum { ENDS = 2 * ADDR_TEXT + 16 };

/* `ends`: "client port server port" */
static enum proxy_result
parse(const char *bytes, size_t len, char ends[ENDS], size_t *used)
{
	struct addr	  c, s;
	const char	 *why = NULL;
	enum proxy_result r = proxy_parse(bytes, len, &c, &s, used, &why);
	char		  client[ADDR_TEXT], server[ADDR_TEXT];

	strcpy(ends, "");
	if (r == PROXY_OK) {
		addr_text(&c, client);
		addr_text(&s, server);
		snprintf(ends, ENDS, "%s %u %s %u", client,
		    (unsigned)addr_port(&c), server, (unsigned)addr_port(&s));
	}
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
		const char	 *ends;
	} rows[] = {
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 1000 25\r\n", PROXY_OK,
		    "192.0.2.1 1000 192.0.2.2 25" },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 0 65535\r\n", PROXY_OK,
		    "192.0.2.1 0 192.0.2.2 65535" },
		{ "PROXY  TCP4 192.0.2.1   192.0.2.2 1 2 \n", PROXY_OK,
		    "192.0.2.1 1 192.0.2.2 2" },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 0000001 2\r\n", PROXY_OK,
		    "192.0.2.1 1 192.0.2.2 2" },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 00000001 2\r\n", PROXY_BAD,
		    "" },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 1a 2\r\n", PROXY_BAD, "" },
		{ "PROXY TCP4 192.0.2.1 192.0.2.2 1 -2\r\n", PROXY_BAD, "" },
		{ "PROXY TCP6 192.0.2.1 2001:db8::2 1 2\r\n", PROXY_BAD, "" },
		{ "PROXY TCP6 2001:db8::1 2001:db8::2 1000 25\r\nEHLO", PROXY_OK,
		    "2001:db8::1 1000 2001:db8::2 25" },
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
	char   ends[ENDS];
	size_t used;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK(parse(rows[i].text, strlen(rows[i].text), ends, &used)
		    == rows[i].result);
		CHECK_STR(ends, rows[i].ends);
	}
}

static void
headers_of_version_2(void)
{
	char   ends[ENDS];
	size_t used;

	CHECK(parse(V2("\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x03\xe8\0\x19"
	    "EHLO"), ends, &used) == PROXY_OK);
	CHECK_STR(ends, "192.0.2.1 1000 192.0.2.2 25");
	CHECK(used == 28);
	CHECK(parse(V2("\x21\x21\0\x24" "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
	    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\x03\xe8\0\x19"),
	    ends, &used) == PROXY_OK);
	CHECK_STR(ends, "2001:db8::1 1000 2001:db8::2 25");
	CHECK(used == 52);
	CHECK(parse(V2("\x21\x11\0\x10\xc0\0\x02\x01\xc0\0\x02\x02\x03\xe8\0\x19"
	    "\x04\0\x01\0"), ends, &used) == PROXY_OK);
	CHECK(used == 32);
	CHECK(parse(V2("\x20\0\0\0"), ends, &used) == PROXY_NONE);
	CHECK(used == 16);
	CHECK(parse(V2("\x21\x11\0\x0c\xc0\0"), ends, &used) == PROXY_MORE);
	CHECK(parse(V2("\x21\x11\0\x04\xc0\0\x02\x01"), ends, &used) ==
	    PROXY_BAD);
	CHECK(parse(V2("\x31\x11\0\0"), ends, &used) == PROXY_BAD);
	CHECK(parse(V2("\x21\x31\0\0"), ends, &used) == PROXY_BAD);
	CHECK(parse(V2("\x22\x11\0\0"), ends, &used) == PROXY_BAD);
	CHECK(parse(V2("\x21\x11\x10\0"), ends, &used) == PROXY_BAD);
	CHECK(parse(V2(""), ends, &used) == PROXY_MORE);
}

int
main(void)
{
	TEST(lines_of_version_1);
	TEST(headers_of_version_2);
	return test_end();
}
