/* Any bytes from a policy server, and patterns of DNS lists. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "net/dnsbl.h"
#include "smtpd/policy_reply.c"
#include "util/mem.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"action", "=", "\n", "\r\n", "\n\n", " ", "DUNNO", "REJECT", "127",
	".", "0", "[", "]", ";", "..", "255", "256", NULL
};

static void
try_pattern(const char *bytes, size_t len)
{
	char		   *text = mem_strndup(bytes, len);
	struct dnsbl_filter f;
	const char	   *why = NULL;

	assert(dnsbl_filter_parse(&f, text, &why) || why != NULL);
	mem_free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *in = (const char *)bytes, *why = NULL;
	struct str  action;
	size_t	    used = 0;

	try_pattern(in, len);
	switch (policy_reply_parse(in, len, &action, &used, &why)) {
	case POLICY_REPLY_OK:
		assert(used <= len);
		assert(action.p >= in && action.p + action.n < in + used);
		assert(memchr(action.p, '\n', action.n) == NULL);
		break;
	case POLICY_REPLY_BAD:
		assert(why != NULL);
		break;
	case POLICY_REPLY_MORE:
		break;
	}
	return 0;
}
