/* text - C strings: case, words, numbers, comparisons */

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
