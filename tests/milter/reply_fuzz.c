/*
 * What a milter says: packets of any type and length, and replies for SMTP.
 * The input is a type and the packet's data.
 */

#include <assert.h>
#include <string.h>

#include "milter/protocol.h"
#include "milter/settings.h"
#include "tests/fuzz/fuzz.h"
#include "util/mem.h"

const char *const fuzz_words[] = {
	"O", "h", "i", "m", "+", "2", "-", "e", "y", "q", "b", "550 ",
	"550-5.7.1 ", "451 4.7.1 x", "\r\n", "%", "%%", "<a@b>", "{x}", "i",
	"inet:a:1", "{", "}", "=", ",", "default_action=accept", "5m", " ",
	NULL
};

static const struct milter_settings defaults = {
	.default_action = "tempfail", .protocol = "6",
	.connect_timeout = 1, .command_timeout = 1, .content_timeout = 1,
};

static void
parse_packet(const uint8_t *bytes, size_t len)
{
	struct milter_answer a;
	char		    *data;

	if (len == 0)
		return;
	data = mem_strndup((const char *)bytes + 1, len - 1);
	data = mem_realloc(data, len);
	memcpy(data, bytes + 1, len - 1);
	data[len - 1] = '\0';
	if (milter_parse(*bytes, data, len - 1, &a)) {
		assert(a.name != NULL && a.value != NULL);
		assert(strlen(a.name) + strlen(a.value) < len + 1);
		for (int i = 0; i < MILTER_STAGE_UNKNOWN; i++)
			assert(a.symbols[i] == NULL ||
			    strlen(a.symbols[i]) < len);
	}
	mem_free(data);
}

static void
parse_text(const char *text)
{
	struct buf	    b = BUF_INIT;
	struct pool	    pool = POOL_INIT;
	struct milter_list *list;
	const char	   *why = NULL;
	uint32_t	    version, bits;

	if (milter_reply_text(text, &b)) {
		assert(b.len >= 5 && (*b.data == '4' || *b.data == '5'));
		for (size_t i = 0; i < b.len; i++)
			assert((unsigned char)b.data[i] >= ' ' ||
			    b.data[i] == '\r' || b.data[i] == '\n');
	}
	list = milter_list_new(text, &defaults, &why);
	assert(list != NULL || why != NULL);
	milter_list_free(list);
	if (milter_values_parse(&pool, text, &why) == NULL)
		assert(why != NULL);
	milter_names_parse(&pool, text);
	milter_version_parse(&pool, text, &version, &bits, &why);
	pool_done(&pool);
	buf_done(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = mem_strndup((const char *)bytes, len);

	parse_packet(bytes, len);
	parse_text(text);
	mem_free(text);
	return 0;
}
