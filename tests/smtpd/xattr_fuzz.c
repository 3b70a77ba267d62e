/* Any bytes as an attribute of XCLIENT and XFORWARD. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "smtpd/xattr.c"
#include "util/mem.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"NAME", "ADDR", "PORT", "=", "[UNAVAILABLE]", "[TEMPUNAVAIL]", "IPV6:",
	"2001:db8::1", "192.0.2.1", "+20", "+00", "+", "host.example", "<", ">",
	"25", "99999", " ", NULL
};

static void
try_value(const struct xattr *x)
{
	struct addr a;
	uint16_t    port;

	for (size_t i = 0; i < x->value.len; i++)
		assert((unsigned char)x->value.data[i] > ' ' &&
		    strchr("<>()\\\";@", x->value.data[i]) == NULL);
	if (xattr_address(x, &a))
		assert(addr_family(&a) == AF_INET ||
		    addr_family(&a) == AF_INET6);
	xattr_port(x, &port);
	xattr_is_hostname(x);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct xattr x = XATTR_INIT;
	char	    *word = mem_strndup((const char *)bytes, len);
	const char  *no = xattr_parse(&x, word);

	assert(no == NULL || *no == '5');
	if (no == NULL)
		try_value(&x);
	buf_done(&x.value);
	mem_free(word);
	return 0;
}
