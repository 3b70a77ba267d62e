#include <assert.h>

#include "sasl/dovecot_proto.c"
#include "sasl/options.c"
#include "tests/fuzz/fuzz.h"
#include "util/mem.h"
#include "util/text.h"

const char *const fuzz_words[] = {
	"OK", "CONT", "FAIL", "MECH", "VERSION", "DONE", "SPID", "\t", "\t1",
	"\t4294967295", "\t99999999999", "\tuser=", "alice", "\treason=",
	"\ttemp", "\001t", "\0010", "\001", "=", "VXNlcjo=", "\tplaintext",
	"PLAIN", "noplaintext", "noanonymous", ",", " ",
	NULL
};

/* Lines of the server, base64, and lists of options. */
int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char		   *text = mem_strndup((const char *)bytes, len);
	struct dovecot_line l;
	struct buf	    b = BUF_INIT;
	unsigned	    options = 0;
	const char	   *word = NULL;

	if (!sasl_options_parse(text, &options, &word))
		assert(word >= text && word <= text + len);
	dovecot_add(&b, text, text);
	assert(strpbrk(b.data + 1, "\t\r\n") == NULL);
	buf_done(&b);

	/* what goes to a back-end, and what comes of it */
	if (text_unbase64(&b, text, strlen(text))) {
		struct buf again = BUF_INIT;

		assert(sasl_is_base64(text));
		text_base64(&again, b.data, b.len);
		assert(sasl_is_base64(again.data));
		buf_done(&again);
	}
	buf_done(&b);

	dovecot_parse(text, &l);
	assert(l.word_count <= DOVECOT_WORDS);
	if (l.verb == DOVECOT_CONT)
		assert(sasl_is_base64(l.name));
	if (l.verb == DOVECOT_MECH)
		assert(*l.name != '\0');
	dovecot_find(&l, "user");
	dovecot_may_offer(&l, options);
	mem_free(text);
	return 0;
}
