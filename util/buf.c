/* buf - growable byte string, and the slice */

#include "util/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/log.h"
#include "util/mem.h"

char buf_empty[1];

static void
enlarge(struct buf *b, size_t more)
{
	size_t size = b->size;

	if (more > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
		panic("buffer of %zu bytes wants %zu more", b->len, more);
	if (size < 32)
		size = 32;
	while (size - b->len <= more)
		size *= 2;
	b->data = mem_realloc(b->size > 0 ? b->data : NULL, size);
	b->size = size;
}

/* Room for `more` bytes and the final NUL. */
static inline void
reserve(struct buf *b, size_t more)
{
	if (b->size == 0 || more >= b->size - b->len)
		enlarge(b, more);
}

void
buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	reserve(b, len);
	memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_addc(struct buf *b, char c)
{
	reserve(b, 1);
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
}

void
buf_adds(struct buf *b, const char *str)
{
	buf_add(b, str, strlen(str));
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(b, fmt, ap);
	va_end(ap);
}

/* Is it this directive?  Then *at goes behind it. */
static bool
directive(const char **at, const char *what)
{
	size_t n = strlen(what);

	if (strncmp(*at, what, n) != 0)
		return false;
	*at += n;
	return true;
}

static void
add_unsigned(struct buf *b, unsigned long long n)
{
	char  digits[24];
	char *end = digits + sizeof digits, *p = end;

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	buf_add(b, p, (size_t)(end - p));
}

static void
add_signed(struct buf *b, long long n)
{
	if (n < 0)
		buf_addc(b, '-');
	add_unsigned(b, n < 0 ? -(unsigned long long)n :
	    (unsigned long long)n);
}

/* At most `max` bytes, if that is not negative. */
static void
add_text(struct buf *b, int max, const char *text)
{
	if (text == NULL)
		text = max < 0 ? "(null)" : "";
	buf_add(b, text, max < 0 ? strlen(text) : strnlen(text, (size_t)max));
}

/* All of printf(3). */
static void
add_format(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	size_t	room = b->size > 0 ? b->size - b->len : 0;
	int	n;

	va_copy(again, ap);
	n = vsnprintf(room > 0 ? b->data + b->len : NULL, room, fmt, ap);
	if (n < 0)
		panic("buf_addf: bad format \"%s\"", fmt);
	if ((size_t)n >= room) {
		reserve(b, (size_t)n);
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	b->len += (size_t)n;
}

/* What lines of protocols and logs are made of is added here, in a quarter of
 * the time; at the first other directive the library takes over. */
void
buf_addv(struct buf *b, const char *fmt, va_list args)
{
	va_list	    ap;
	const char *at;
	int	    n;

	va_copy(ap, args);
	for (;; fmt = at) {
		at = strchrnul(fmt, '%');
		buf_add(b, fmt, (size_t)(at - fmt));
		if (*at == '\0')
			break;
		fmt = at;
		if (directive(&at, "%s")) {
			add_text(b, -1, va_arg(ap, const char *));
		} else if (directive(&at, "%d")) {
			add_signed(b, va_arg(ap, int));
		} else if (directive(&at, "%u")) {
			add_unsigned(b, va_arg(ap, unsigned));
		} else if (directive(&at, "%lld")) {
			add_signed(b, va_arg(ap, long long));
		} else if (directive(&at, "%c")) {
			buf_addc(b, (char)va_arg(ap, int));
		} else if (directive(&at, "%.*s")) {
			n = va_arg(ap, int);
			add_text(b, n, va_arg(ap, const char *));
		} else {
			add_format(b, fmt, ap);
			break;
		}
	}
	va_end(ap);
}

void
buf_set(struct buf *b, const char *str)
{
	buf_clear(b);
	buf_adds(b, str);
}

char *
buf_room(struct buf *b, size_t more)
{
	reserve(b, more);
	b->data[b->len] = '\0';
	return b->data + b->len;
}

void
buf_grow(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	assert(n < b->size - b->len);
	b->len += n;
	b->data[b->len] = '\0';
}

void
buf_cut(struct buf *b, size_t len)
{
	assert(len <= b->len);
	if (len == b->len)
		return;
	b->len = len;
	b->data[len] = '\0';
}

void
buf_skip(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}

void
buf_splice(struct buf *b, size_t pos, size_t old_len, const void *bytes,
    size_t len)
{
	assert(pos <= b->len && old_len <= b->len - pos);
	if (old_len == 0 && len == 0)
		return;
	if (len > old_len)
		reserve(b, len - old_len);
	memmove(b->data + pos + len, b->data + pos + old_len,
	    b->len - pos - old_len);
	if (len > 0)
		memcpy(b->data + pos, bytes, len);
	b->len = b->len - old_len + len;
	b->data[b->len] = '\0';
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->size > 0)
		b->data[0] = '\0';
}

char *
buf_take(struct buf *b)
{
	char *s = b->size > 0 ? b->data : mem_strdup("");

	*b = (struct buf)BUF_INIT;
	return s;
}

void
buf_done(struct buf *b)
{
	if (b->size > 0)
		mem_free(b->data);
	*b = (struct buf)BUF_INIT;
}

struct str
str_of(const char *s)
{
	return (struct str){ s, strlen(s) };
}

bool
str_is(struct str s, const char *other)
{
	return strlen(other) == s.n && memcmp(s.p, other, s.n) == 0;
}

bool
str_is_nocase(struct str s, const char *other)
{
	return strlen(other) == s.n && strncasecmp(s.p, other, s.n) == 0;
}
