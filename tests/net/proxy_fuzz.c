/* Any bytes where a PROXY header should be: what is taken is within the bytes,
 * and more bytes never change what was found. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "net/proxy.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "192.0.2.1 ", "2001:db8::1 ",
	"::ffff:192.0.2.1 ", "25", " ", "65535", "\r\n", "\n",
	"\r\n\r\n", "QUIT\n", "\x21\x11", "\x20", "\x21\x21", NULL
};

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char	 *in = (const char *)bytes, *why;
	struct addr	  client, server;
	enum proxy_result before = PROXY_MORE, r;
	size_t		  used = 0, first_used = 0;

	for (size_t n = 0; n <= len; n++) {
		why = NULL;
		r = proxy_parse(in, n, &client, &server, &used, &why);
		if (before != PROXY_MORE)
			assert(r == before && (r == PROXY_BAD ||
			    used == first_used));
		if (r == PROXY_OK || r == PROXY_NONE) {
			assert(used <= n && used <= PROXY_HEADER_MAX);
			first_used = used;
		} else {
			assert(why != NULL);
		}
		before = r;
	}
	return 0;
}
