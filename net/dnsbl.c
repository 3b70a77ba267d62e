#include "net/dnsbl.h"

#include <netinet/in.h>
#include <string.h>

#include "util/buf.h"

enum { PART_MAX = 255 };

static void
allow(struct dnsbl_filter *f, int part, unsigned from, unsigned to)
{
	for (unsigned n = from; n <= to; n++)
		f->bits[part][n / 32] |= UINT32_C(1) << n % 32;
}

static bool
take_number(const char **p, unsigned *ret)
{
	unsigned n = 0, digits = 0;

	for (; **p >= '0' && **p <= '9' && digits < 4; ++*p, digits++)
		n = n * 10 + (unsigned)(**p - '0');
	*ret = n;
	return digits > 0 && n <= PART_MAX;
}

/* "a" or "a..b" */
static bool
take_range(struct dnsbl_filter *f, int part, const char **p,
    const char **ret_why)
{
	unsigned from, to;

	*ret_why = "expected decimal number 0..255";
	if (!take_number(p, &from))
		return false;
	to = from;
	if ((*p)[0] == '.' && (*p)[1] == '.') {
		*p += 2;
		if (!take_number(p, &to))
			return false;
	}
	*ret_why = "bad range";
	if (to < from)
		return false;
	allow(f, part, from, to);
	return true;
}

static bool
take_part(struct dnsbl_filter *f, int part, const char **p,
    const char **ret_why)
{
	unsigned n;

	if (**p != '[') {
		*ret_why = "expected decimal number 0..255";
		if (!take_number(p, &n))
			return false;
		allow(f, part, n, n);
		return true;
	}
	do {
		++*p;
		if (!take_range(f, part, p, ret_why))
			return false;
	} while (**p == ';');
	*ret_why = "need \"]\" at end of \"[\"";
	if (**p != ']')
		return false;
	++*p;
	return true;
}

bool
dnsbl_filter_parse(struct dnsbl_filter *f, const char *text,
    const char **ret_why)
{
	memset(f, 0, sizeof *f);
	for (int part = 0; part < 4; part++) {
		if (part > 0 && *text != '.') {
			*ret_why = "need four parts with \".\" between them";
			return false;
		}
		text += part > 0;
		if (!take_part(f, part, &text, ret_why))
			return false;
	}
	*ret_why = "garbage after pattern";
	return *text == '\0';
}

bool
dnsbl_filter_has(const struct dnsbl_filter *f, const struct addr *a)
{
	const unsigned char *p;

	if (addr_family(a) != AF_INET)
		return false;
	p = (const unsigned char *)
	    &((const struct sockaddr_in *)&a->sa)->sin_addr;
	for (int part = 0; part < 4; part++)
		if (!(f->bits[part][p[part] / 32] >> p[part] % 32 & 1))
			return false;
	return true;
}

void
dnsbl_add_reversed(struct buf *b, const struct addr *a)
{
	const unsigned char *p;

	if (addr_family(a) == AF_INET6) {
		p = ((const struct sockaddr_in6 *)&a->sa)->sin6_addr.s6_addr;
		for (int i = 15; i >= 0; i--)
			buf_addf(b, "%x.%x.", p[i] & 15, p[i] >> 4);
	} else {
		p = (const unsigned char *)
		    &((const struct sockaddr_in *)&a->sa)->sin_addr;
		for (int i = 3; i >= 0; i--)
			buf_addf(b, "%d.", p[i]);
	}
}
