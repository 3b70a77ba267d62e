/* A phrase is made of encoded words that say the name again, of a quoted
 * string, or of the name as it is. */

#include <assert.h>
#include <string.h>

#include "mail/phrase.h"
#include "tests/fuzz/fuzz.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

const char *const fuzz_words[] = {
	"J\303\274rgen", "Alice", " ", "  ", "=?utf-8?Q?a?=", "_", "=", "?",
	"\"", "\\", "(", ")", "\342\202\254", "\360\237\230\200", "\377",
	"a very long name of somebody with many given names ", ".", NULL,
};

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("J\303\274rgen M\303\274ller"),
	FUZZ_SEED("\344\270\255\346\226\207\344\270\255\346\226\207\344\270\255"
	    "\346\226\207\344\270\255\346\226\207\344\270\255\346\226\207"),
	FUZZ_SEED("O'Brian, Patrick (author)"), { 0 },
};

static int
hex(char c)
{
	const char *digits = "0123456789ABCDEF", *at = strchr(digits, c);

	assert(c != '\0' && at != NULL);
	return (int)(at - digits);
}

/* RFC 2047 4.2, and 6.2: space between words counts for nothing. */
static void
decode(struct buf *to, const char *p)
{
	static const char begin[] = "=?utf-8?Q?";

	while (*p != '\0') {
		const char *word = p;

		assert(strncmp(p, begin, sizeof begin - 1) == 0);
		for (p += sizeof begin - 1; *p != '?'; p++) {
			assert(*p > ' ' && *p < 127);
			if (*p == '=') {
				buf_addc(to, (char)(hex(p[1]) << 4 |
				    hex(p[2])));
				p += 2;
			} else {
				buf_addc(to, *p == '_' ? ' ' : *p);
			}
		}
		assert(p[1] == '=');
		p += 2;
		assert(p - word <= 75);
		p += strspn(p, " \r\n");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char	  *name = mem_strndup((const char *)bytes, len);
	struct buf out = BUF_INIT, again = BUF_INIT;

	for (char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = ' ';
	phrase_add(&out, name, "utf-8");
	if (text_is_ascii(name, strlen(name))) {
		assert(strpbrk(name, "()<>@,;:\\\".[]!%") != NULL ?
		    out.data[0] == '"' && out.data[out.len - 1] == '"' :
		    strcmp(out.data, name) == 0);
	} else {
		decode(&again, out.data);
		assert(strcmp(again.data, name) == 0);
	}
	buf_done(&out);
	buf_done(&again);
	mem_free(name);
	return 0;
}
