/* text - what stands for bytes: xtext, percent signs, hex, base64, JSON */

#include <string.h>

#include "util/buf.h"
#include "util/text.h"

void
text_printable(struct buf *b, const char *s, size_t len, bool utf8)
{
	uint32_t value;
	size_t	 n;

	for (size_t i = 0; i < len; i += n) {
		n = 1;
		if (s[i] >= ' ' && s[i] < 127)
			buf_addc(b, s[i]);
		else if (utf8 && (unsigned char)s[i] >= 0x80 &&
		    (n = text_utf8_char(s + i, len - i, &value)) > 0 &&
		    value >= 0xa0)
			buf_add(b, s + i, n);
		else {
			buf_addc(b, '?');
			if (n == 0)
				n = 1;
		}
	}
}

static const char upper_hex[] = "0123456789ABCDEF";

void
text_xtext(struct buf *b, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c > ' ' && c < 127 && c != '+' && c != '=') {
			buf_addc(b, (char)c);
			continue;
		}
		buf_addc(b, '+');
		buf_addc(b, upper_hex[c >> 4]);
		buf_addc(b, upper_hex[c & 15]);
	}
}

/* RFC 3461 4: upper case digits only. */
static int
hex_digit(char c)
{
	const char *p = c == '\0' ? NULL : strchr(upper_hex, c);

	return p == NULL ? -1 : (int)(p - upper_hex);
}

void
text_unescape(struct buf *b, const char *s)
{
	static const char names[] = "abfnrtv", bytes[] = "\a\b\f\n\r\t\v";
	const char	 *at;
	unsigned	  n, digits;

	while (*s != '\0') {
		if (*s != '\\' || s[1] == '\0') {
			buf_addc(b, *s++);
			continue;
		}
		s++;
		if ((at = strchr(names, *s)) != NULL) {
			buf_addc(b, bytes[at - names]);
			s++;
			continue;
		}
		n = digits = 0;
		for (; *s >= '0' && *s <= '7' && digits < 3; s++, digits++)
			n = n * 8 + (unsigned)(*s - '0');
		buf_addc(b, digits > 0 ? (char)n : *s++);
	}
}

static int
hex_digit_nocase(char c)
{
	return hex_digit(c >= 'a' && c <= 'f' ? (char)(c - 'a' + 'A') : c);
}

bool
text_unpercent(struct buf *b, const char *s)
{
	int high, low;

	for (; *s != '\0'; s++) {
		if (*s != '%') {
			buf_addc(b, *s);
			continue;
		}
		if ((high = hex_digit_nocase(s[1])) < 0 ||
		    (low = hex_digit_nocase(s[2])) < 0 || high + low == 0)
			return false;
		buf_addc(b, (char)(high * 16 + low));
		s += 2;
	}
	return true;
}

bool
text_unxtext(struct buf *b, const char *s, size_t len)
{
	size_t start = b->len;
	int    high, low;

	for (size_t i = 0; i < len; i++) {
		if (s[i] != '+') {
			if ((unsigned char)s[i] <= ' ' || s[i] == 127)
				goto bad;
			buf_addc(b, s[i]);
			continue;
		}
		if (len - i < 3 || (high = hex_digit(s[i + 1])) < 0 ||
		    (low = hex_digit(s[i + 2])) < 0)
			goto bad;
		buf_addc(b, (char)(high << 4 | low));
		i += 2;
	}
	return true;
bad:
	buf_cut(b, start);
	return false;
}

void
text_hex(struct buf *b, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i++) {
		buf_addc(b, digits[p[i] >> 4]);
		buf_addc(b, digits[p[i] & 15]);
	}
}

static const char base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
text_base64(struct buf *b, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	char		     out[4];

	for (; len > 0; p += 3, len -= len < 3 ? len : 3) {
		uint32_t v = (uint32_t)p[0] << 16 |
		    (len > 1 ? (uint32_t)p[1] << 8 : 0) |
		    (len > 2 ? p[2] : 0);

		out[0] = base64[v >> 18];
		out[1] = base64[v >> 12 & 63];
		out[2] = len > 1 ? base64[v >> 6 & 63] : '=';
		out[3] = len > 2 ? base64[v & 63] : '=';
		buf_add(b, out, 4);
	}
}

static int
base64_digit(char c)
{
	const char *p = c == '\0' ? NULL : strchr(base64, c);

	return p == NULL ? -1 : (int)(p - base64);
}

/* Strict: whole groups of four, '=' only at the end, unused bits zero. */
bool
text_unbase64(struct buf *b, const char *s, size_t len)
{
	size_t start = b->len;

	if (len % 4 != 0)
		return false;
	for (size_t i = 0; i < len; i += 4) {
		int	 pad = 0;
		uint32_t v = 0;

		if (i + 4 == len)
			pad = s[i + 3] != '=' ? 0 : s[i + 2] != '=' ? 1 : 2;
		for (int k = 0; k < 4 - pad; k++) {
			int d = base64_digit(s[i + (size_t)k]);

			if (d < 0)
				goto bad;
			v = v << 6 | (uint32_t)d;
		}
		v <<= 6 * pad;
		if ((pad == 1 && (v & 0xff) != 0) ||
		    (pad == 2 && (v & 0xffff) != 0))
			goto bad;
		buf_addc(b, (char)(v >> 16));
		if (pad < 2)
			buf_addc(b, (char)(v >> 8 & 255));
		if (pad < 1)
			buf_addc(b, (char)(v & 255));
	}
	return true;
bad:
	buf_cut(b, start);
	return false;
}

void
text_json(struct buf *b, const char *s, size_t len)
{
	static const char escaped[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *p;
	uint32_t    value;
	size_t	    n;

	buf_addc(b, '"');
	for (size_t i = 0; i < len; i += n) {
		n = text_utf8_char(s + i, len - i, &value);
		if (n == 0) {
			buf_adds(b, "\xef\xbf\xbd");
			n = 1;
		} else if (value != 0 && value < 0x80 &&
		    (p = strchr(escaped, (int)value)) != NULL) {
			buf_addc(b, '\\');
			buf_addc(b, letter[p - escaped]);
		} else if (value < ' ' || value == 127)
			buf_addf(b, "\\u%04x", (unsigned)value);
		else
			buf_add(b, s + i, n);
	}
	buf_addc(b, '"');
}
