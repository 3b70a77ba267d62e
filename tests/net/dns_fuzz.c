#include "net/dns_int.h"
#include "tests/fuzz/fuzz.h"
#include "util/mem.h"

const char *const fuzz_words[] = { NULL };

const struct fuzz_seed fuzz_seeds[] = {
	/* each begins with the type asked for */
	FUZZ_SEED("\x0f\x12\x34\x81\x80\0\1\0\2\0\0\0\0"
	    "\2mx\7example\0\0\x0f\0\1"
	    "\xc0\x0c\0\x0f\0\1\0\0\0\x3c\0\x10\0\x0a\3one\7example\0\0"
	    "\xc0\x0c\0\x0f\0\1\0\0\0\x3c\0\4\0\x0a\xc0\x0f"),
	FUZZ_SEED("\1\x12\x34\x81\x80\0\1\0\2\0\0\0\0"
	    "\1a\7example\0\0\1\0\1"
	    "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1b\xc0\x0e"
	    "\xc0\x27\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"),
	FUZZ_SEED("\x10\x12\x34\x81\x80\0\1\0\1\0\0\0\0"
	    "\1t\7example\0\0\x10\0\1"
	    "\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\x0d\6v=spf1\5 -all"),
	FUZZ_SEED("\x34\x12\x34\x81\x80\0\1\0\1\0\0\0\0"
	    "\1t\7example\0\0\x34\0\1"
	    "\xc0\x0c\0\x34\0\1\0\0\0\x3c\0\5\3\1\1\0\xff"),
	FUZZ_SEED("\6\x12\x34\x81\x80\0\1\0\1\0\0\0\0"
	    "\1t\7example\0\0\6\0\1"
	    "\xc0\x0c\0\6\0\1\0\0\0\x3c\0\x1c\2ns\xc0\x0c\1h\xc0\x0c"
	    "12345678901234567890"),
	FUZZ_SEED("\x21\x12\x34\x81\x80\0\1\0\1\0\0\0\0"
	    "\1t\7example\0\0\x21\0\1"
	    "\xc0\x0c\0\x21\0\1\0\0\0\x3c\0\x0a\0\1\0\2\3\4\1h\xc0\x0c"),
	{ NULL, 0 }
};

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct dns_answer a;

	if (len < 1 ||
	    !dns_parse(bytes + 1, len - 1, (enum dns_type)bytes[0], &a))
		return 0;
	for (struct dns_record *r = a.records; r != NULL; r = r->next) {
		if (r->target != NULL && r->target_len == 0 &&
		    *r->target != '\0' && r->type != DNS_TXT &&
		    r->type != DNS_SOA && !dns_valid_name(r->target))
			abort();
	}
	dns_free(a.records);
	mem_free(a.alias);
	return 0;
}
