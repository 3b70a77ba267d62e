#include "net/proxy.h"

#include <netinet/in.h>
#include <string.h>

enum {
	LINE_MAX_BYTES = 107,	/* version 1, with CRLF */
	FIXED = 16,		/* bytes, version 2 */
	PORT_MAX = 65535,
};

static const char line_start[] = "PROXY ";
static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

/* --- version 1: "PROXY TCP4 client server port port" CR LF */

/* The next word of the line; false at its end. */
static bool
next_word(const char **p, const char *end, char *ret, size_t size)
{
	size_t n = 0;

	while (*p < end && **p == ' ')
		++*p;
	while (*p < end && **p != ' ') {
		if (n + 1 >= size)
			return false;
		ret[n++] = *(*p)++;
	}
	ret[n] = '\0';
	return n > 0;
}

static bool
take_address(const char **p, const char *end, int family, struct addr *ret)
{
	char text[ADDR_TEXT];

	/* the family is that of the text: "::ffff:192.0.2.1" is TCP6 */
	return next_word(p, end, text, sizeof text) &&
	    (strchr(text, ':') != NULL) == (family == AF_INET6) &&
	    addr_parse(ret, text, 0);
}

static bool
take_port(const char **p, const char *end, struct addr *a)
{
	char	 text[8];
	unsigned n = 0;

	if (!next_word(p, end, text, sizeof text))
		return false;
	for (const char *c = text; *c != '\0'; c++) {
		if (*c < '0' || *c > '9')
			return false;
		n = n * 10 + (unsigned)(*c - '0');
	}
	if (n > PORT_MAX)
		return false;
	addr_set_port(a, (uint16_t)n);
	return true;
}

static bool
parse_words(const char *p, const char *end, struct addr *client,
    struct addr *server, const char **why)
{
	char type[8];
	int  family;

	*why = "bad or missing protocol type";
	if (!next_word(&p, end, type, sizeof type))
		return false;
	if (strcmp(type, "TCP4") == 0)
		family = AF_INET;
	else if (strcmp(type, "TCP6") == 0)
		family = AF_INET6;
	else
		return false;
	*why = "bad or missing client address";
	if (!take_address(&p, end, family, client))
		return false;
	*why = "bad or missing server address";
	if (!take_address(&p, end, family, server))
		return false;
	*why = "bad or missing client port";
	if (!take_port(&p, end, client))
		return false;
	*why = "bad or missing server port";
	return take_port(&p, end, server);
}

static enum proxy_result
parse_line(const char *bytes, size_t len, struct addr *client,
    struct addr *server, size_t *used, const char **why)
{
	const char *lf = memchr(bytes, '\n', len < LINE_MAX_BYTES ? len :
	    LINE_MAX_BYTES);
	const char *end;

	*why = "missing protocol header terminator";
	if (lf == NULL)
		return len < LINE_MAX_BYTES ? PROXY_MORE : PROXY_BAD;
	end = lf > bytes && lf[-1] == '\r' ? lf - 1 : lf;
	*used = (size_t)(lf + 1 - bytes);
	return parse_words(bytes + sizeof line_start - 1, end, client, server,
	    why) ? PROXY_OK : PROXY_BAD;
}

/* --- version 2: binary, and what we do not know at its end */

static void
set_address(struct addr *a, int family, const unsigned char *ip,
    const unsigned char *port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in  in = { .sin_family = AF_INET };

	if (family == AF_INET6) {
		memcpy(&in6.sin6_addr, ip, 16);
		memcpy(&in6.sin6_port, port, 2);
		addr_from_sockaddr(a, (struct sockaddr *)&in6, sizeof in6);
	} else {
		memcpy(&in.sin_addr, ip, 4);
		memcpy(&in.sin_port, port, 2);
		addr_from_sockaddr(a, (struct sockaddr *)&in, sizeof in);
	}
}

/* `p` is at the fixed part, `len` counts what follows it. */
static enum proxy_result
parse_addresses(const unsigned char *p, size_t len, struct addr *client,
    struct addr *server, const char **why)
{
	int    family = p[13] == 0x11 ? AF_INET : AF_INET6;
	size_t size = family == AF_INET ? 4 : 16;

	*why = "unsupported network protocol";
	if (p[13] != 0x11 && p[13] != 0x21)	/* TCP over IPv4, IPv6 */
		return PROXY_BAD;
	*why = "short address field";
	if (len < 2 * size + 4)
		return PROXY_BAD;
	p += FIXED;
	set_address(client, family, p, p + 2 * size);
	set_address(server, family, p + size, p + 2 * size + 2);
	return PROXY_OK;
}

static enum proxy_result
parse_binary(const unsigned char *p, size_t len, struct addr *client,
    struct addr *server, size_t *used, const char **why)
{
	size_t rest;

	*why = "short protocol header";
	if (len < FIXED)
		return PROXY_MORE;
	*why = "unrecognized protocol version";
	if (p[12] >> 4 != 2)
		return PROXY_BAD;
	*why = "short version 2 protocol header";
	rest = (size_t)p[14] << 8 | p[15];
	if (FIXED + rest > PROXY_HEADER_MAX)
		return PROXY_BAD;
	if (len < FIXED + rest)
		return PROXY_MORE;
	*used = FIXED + rest;
	switch (p[12] & 15) {
	case 0:
		return PROXY_NONE;
	case 1:
		return parse_addresses(p, rest, client, server, why);
	default:
		*why = "unrecognized protocol command";
		return PROXY_BAD;
	}
}

static bool
begins(const char *bytes, size_t len, const char *with, size_t n)
{
	return memcmp(bytes, with, len < n ? len : n) == 0;
}

enum proxy_result
proxy_parse(const char *bytes, size_t len, struct addr *ret_client,
    struct addr *ret_server, size_t *ret_used, const char **ret_why)
{
	*ret_why = "short protocol header";
	if (begins(bytes, len, signature, sizeof signature - 1))
		return len < sizeof signature - 1 ? PROXY_MORE :
		    parse_binary((const unsigned char *)bytes, len, ret_client,
		    ret_server, ret_used, ret_why);
	if (begins(bytes, len, line_start, sizeof line_start - 1))
		return len < sizeof line_start - 1 ? PROXY_MORE :
		    parse_line(bytes, len, ret_client, ret_server, ret_used,
		    ret_why);
	if (len >= FIXED)
		*ret_why = "missing protocol header";
	return PROXY_BAD;
}
