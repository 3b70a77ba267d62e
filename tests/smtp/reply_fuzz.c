#include <assert.h>
#include <string.h>

#include "mail/nexthop.c"
#include "smtp/reply.c"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_words[] = {
	"250", "-", " ", "5.1.1", "2.0.0", "550 5.7.1 no", "\n", "\r\n",
	"354 go on", "421", "250-PIPELINING\n", "250 SIZE 1\n", ".", "9.9.9",
	"[", "]", ":", "25", "unix:", "inet:", "IPv6:", "::1", ",", "host",
	NULL
};

static void
parse_reply(const char *bytes, size_t len)
{
	struct reply r = REPLY_INIT;

	while (len > 0) {
		const char *lf = memchr(bytes, '\n', len);
		size_t n = lf != NULL ? (size_t)(lf - bytes) : len;
		const char *text = reply_line_text(bytes, n);

		assert(text >= bytes && text <= bytes + n);
		if (reply_add_line(&r, bytes, n) == REPLY_LAST) {
			assert(dsn_is_valid(r.dsn));
			reply_begin(&r);
		}
		assert(r.text.len <= 4 * REPLY_TEXT_MAX);
		n += lf != NULL;
		bytes += n;
		len -= n;
	}
	reply_done(&r);
}

static void
parse_nexthop(const char *bytes, size_t len)
{
	struct pool pool = POOL_INIT;
	char *text = pool_strndup(&pool, bytes, len), **items;
	struct nexthop n;
	const char *why = NULL;

	items = nexthop_split(&pool, text);
	for (; *items != NULL; items++) {
		if (!nexthop_parse(&pool, *items, &n, &why))
			assert(why != NULL);
		else
			assert((n.path != NULL && *n.path != '\0') ||
			    (n.host != NULL && *n.host != '\0'));
	}
	pool_done(&pool);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	parse_reply((const char *)bytes, len);
	parse_nexthop((const char *)bytes, len);
	return 0;
}
