/* text - C strings: case, words, numbers, comparisons, escapes */

#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/casefold.h"

/* --- comparing */

/* Not ctype: no locale, and defined for negative chars. */
static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool
text_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

bool
text_eq_nocase(const char *a, const char *b)
{
	for (; lower(*a) == lower(*b); a++, b++)
		if (*a == '\0')
			return true;
	return false;
}

bool
text_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
text_starts_nocase(const char *s, const char *prefix)
{
	for (; *prefix != '\0'; s++, prefix++)
		if (lower(*s) != lower(*prefix))
			return false;
	return true;
}

bool
text_ends_nocase(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && text_eq_nocase(s + n - m, suffix);
}

/* How many bytes are ASCII before one that is not: eight at a time, since
 * nearly all text is. */
static size_t
ascii_len(const char *s, size_t len)
{
	uint64_t word;
	size_t	 i = 0;

	for (; i + sizeof word <= len; i += sizeof word) {
		memcpy(&word, s + i, sizeof word);
		if ((word & 0x8080808080808080) != 0)
			break;
	}
	while (i < len && (unsigned char)s[i] < 0x80)
		i++;
	return i;
}

bool
text_is_ascii(const char *s, size_t len)
{
	return ascii_len(s, len) == len;
}

/* Shortest form only, no surrogates, nothing above U+10FFFF. */
size_t
text_utf8_char(const char *s, size_t len, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)s[0];
	uint32_t      value;
	size_t	      n;

	if (c < 0x80)
		n = 1, value = c;
	else if (c < 0xc2)
		return 0;
	else if (c < 0xe0)
		n = 2, value = c & 0x1f;
	else if (c < 0xf0)
		n = 3, value = c & 0x0f;
	else if (c < 0xf5)
		n = 4, value = c & 0x07;
	else
		return 0;
	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (value < least[n] || value > 0x10ffff ||
	    (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*ret = value;
	return n;
}

bool
text_is_utf8(const char *s, size_t len)
{
	uint32_t value;
	size_t	 n;

	for (size_t i = ascii_len(s, len); i < len; i += n)
		if ((n = text_utf8_char(s + i, len - i, &value)) == 0)
			return false;
	return true;
}

bool
text_is_digits(const char *s)
{
	if (*s == '\0')
		return false;
	while (is_digit(*s))
		s++;
	return *s == '\0';
}

/* --- case */

char *
text_lower(char *s)
{
	for (char *p = s; *p != '\0'; p++)
		*p = lower(*p);
	return s;
}

static void
add_utf8(struct buf *b, uint32_t c)
{
	char s[4];

	if (c < 0x80) {
		buf_addc(b, (char)c);
	} else if (c < 0x800) {
		s[0] = (char)(0xc0 | c >> 6);
		s[1] = (char)(0x80 | (c & 0x3f));
		buf_add(b, s, 2);
	} else if (c < 0x10000) {
		s[0] = (char)(0xe0 | c >> 12);
		s[1] = (char)(0x80 | (c >> 6 & 0x3f));
		s[2] = (char)(0x80 | (c & 0x3f));
		buf_add(b, s, 3);
	} else {
		s[0] = (char)(0xf0 | c >> 18);
		s[1] = (char)(0x80 | (c >> 12 & 0x3f));
		s[2] = (char)(0x80 | (c >> 6 & 0x3f));
		s[3] = (char)(0x80 | (c & 0x3f));
		buf_add(b, s, 4);
	}
}

void
text_fold(struct buf *b, const char *s, bool utf8)
{
	size_t	 len = strlen(s), n;
	uint32_t c, folded[CASEFOLD_MAX];
	char	*to;
	int	 count;

	if (utf8 && !text_is_ascii(s, len) && text_is_utf8(s, len)) {
		for (size_t i = 0; i < len; i += n) {
			n = text_utf8_char(s + i, len - i, &c);
			count = casefold(c, folded);
			for (int k = 0; k < count; k++)
				add_utf8(b, folded[k]);
		}
		return;
	}
	to = buf_room(b, len);
	for (size_t i = 0; i < len; i++)
		to[i] = lower(s[i]);
	buf_grow(b, len);
}

/* --- words */

char *
text_trim(char *s)
{
	size_t n;

	while (is_space(*s))
		s++;
	n = strlen(s);
	while (n > 0 && is_space(s[n - 1]))
		n--;
	s[n] = '\0';
	return s;
}

/* The end of a word in braces: behind the matching one. */
static char *
skip_braces(char *p)
{
	int depth = 0;

	for (; *p != '\0'; p++) {
		if (*p == '{')
			depth++;
		else if (*p == '}' && --depth == 0)
			return p + 1;
	}
	return p;
}

char *
text_word(char **s, const char *sep, bool braces)
{
	char *start, *end;

	start = *s + strspn(*s, sep);
	if (*start == '\0') {
		*s = start;
		return NULL;
	}
	for (end = start; *end != '\0' && strchr(sep, *end) == NULL;)
		end = braces && *end == '{' ? skip_braces(end) : end + 1;
	*s = *end == '\0' ? end : end + 1;
	*end = '\0';
	return start;
}

bool
text_has_word(const char *list, const char *word)
{
	size_t wanted = strlen(word), len;

	for (;; list += len) {
		list += strspn(list, TEXT_LIST_SEP);
		len = strcspn(list, TEXT_LIST_SEP);
		if (len == 0)
			return false;
		if (len == wanted && strncasecmp(list, word, len) == 0)
			return true;
	}
}

/* --- numbers */

bool
text_to_long(const char *s, long min, long max, long *ret)
{
	char *end;
	long  n;

	if (!is_digit(*s) && !((*s == '-' || *s == '+') && is_digit(s[1])))
		return false;
	errno = 0;
	n = strtol(s, &end, 10);
	if (errno != 0 || *end != '\0' || n < min || n > max)
		return false;
	*ret = n;
	return true;
}

bool
text_to_u64(const char *s, uint64_t max, uint64_t *ret)
{
	unsigned long long n;
	char		  *end;

	if (!is_digit(*s))
		return false;
	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno != 0 || *end != '\0' || n > max)
		return false;
	*ret = n;
	return true;
}

/* --- escapes */

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

/* --- similarity */

static int
min3(int a, int b, int c)
{
	int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Three rows of the matrix of optimal string alignment. */
int
text_distance(const char *a, const char *b, int limit)
{
	enum { LONGEST = 127 };
	int   rows[3][LONGEST + 1], *before = rows[0], *last = rows[1];
	int  *row = rows[2], *swap, best;
	int   n = (int)strnlen(a, LONGEST + 1), m = (int)strnlen(b, LONGEST + 1);

	if (n > LONGEST || m > LONGEST || abs(n - m) > limit)
		return limit + 1;
	for (int j = 0; j <= m; j++)
		last[j] = j;
	for (int i = 1; i <= n; i++) {
		best = row[0] = i;
		for (int j = 1; j <= m; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1,
			    last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
			if (row[j] < best)
				best = row[j];
		}
		if (best > limit)
			return limit + 1;
		swap = before;
		before = last;
		last = row;
		row = swap;
	}
	return last[m] > limit ? limit + 1 : last[m];
}

void
text_wrap(struct buf *out, const char *text, size_t width, size_t indent)
{
	size_t room = width, len, at;

	for (;;) {
		len = strlen(text);
		at = len;
		if (len > room) {
			at = room;
			while (at > 0 && text[at] != ' ')
				at--;
			if (at == 0)
				at = room + strcspn(text + room, " ");
		}
		buf_add(out, text, at);
		buf_adds(out, "\r\n");
		text += at;
		while (*text == ' ')
			text++;
		if (*text == '\0')
			return;
		buf_addf(out, "%*s", (int)indent, "");
		room = width - indent;
	}
}
