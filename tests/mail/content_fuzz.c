/*
 * Any bytes after DATA: the same message comes out however they are cut into
 * pieces, no line of it ends in a bare LF, and when strict only CRLF "." CRLF
 * is the end.
 */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "mail/content.c"
#include "util/buf.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"\r\n", "\n", "\r", ".", "..", "\r\n.\r\n", "\n.\n", "\n.\r\n",
	"\r\n.\n", "\r\n.\r\r\n", "\r.\r", "text", "\r\n..", "QUIT", NULL
};

static void
collect(void *arg, const void *bytes, size_t len)
{
	buf_add(arg, bytes, len);
}

/* Where the end was, or len + 1. */
static size_t
feed(struct buf *out, const char *in, size_t len, size_t step, bool strict)
{
	struct content c;
	size_t	       at = 0, n;
	bool	       end = false;

	content_init(&c, true, strict, collect, out);
	while (at < len && !end) {
		n = len - at < step ? len - at : step;
		at += content_feed(&c, in + at, n, &end);
	}
	return end ? at : len + 1;
}

static void
check_end(const char *in, size_t at)
{
	assert(at >= 3 && memcmp(in + at - 3, ".\r\n", 3) == 0);
	assert(at == 3 || (at >= 5 && memcmp(in + at - 5, "\r\n", 2) == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const size_t steps[] = { 1, 2, 3, 7 };
	const char	   *in = (const char *)bytes;
	struct buf	    whole = BUF_INIT, parts = BUF_INIT;
	size_t		    end;

	for (int strict = 0; strict < 2; strict++) {
		buf_clear(&whole);
		end = feed(&whole, in, len, len + 1, strict);
		if (strict && end <= len)
			check_end(in, end);
		for (size_t i = 0; i < whole.len; i++)
			assert(whole.data[i] != '\n' ||
			    (i > 0 && whole.data[i - 1] == '\r'));
		for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
			buf_clear(&parts);
			assert(feed(&parts, in, len, steps[i], strict) == end);
			assert(parts.len == whole.len && memcmp(parts.data,
			    whole.data, whole.len) == 0);
		}
	}
	buf_done(&whole);
	buf_done(&parts);
	return 0;
}
