/* Any text as a main.cf: read it, expand every value of it. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/lines.h"
#include "util/buf.h"
#include "util/map.h"
#include "util/mem.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"a = ", "b=", "$a", "${b}", "$(a)", "${a?", "${b:", "{", "}", "{x}",
	" : ", "?", "${{", "} == {", "} <level {", "} >= {", "3.6", "10", "$",
	"$$", "${domain_to_ascii{", "\303\274.example", "\n", "\r\n", "\n\t",
	"#c\n", " ", "=", "$c", "c = x$a", NULL
};

static const char *
get(void *arg, const char *name)
{
	return map_find(arg, name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct map   *values = map_new();
	struct buf    line = BUF_INIT, out = BUF_INIT;
	struct lines  l;
	char	     *name, *value;
	const char   *why;

	lines_init(&l, (const char *)bytes, len);
	while (lines_next(&l, &line)) {
		assert(l.first <= l.last && l.from < l.to);
		if (lines_split(line.data, &name, &value) == NULL)
			mem_free(map_set(values, name, mem_strdup(value)));
	}
	for (size_t i = 0; i < map_count(values); i++) {
		buf_clear(&out);
		why = NULL;
		if (!conf_expand(&out, map_at(values, i)->value, get, values,
		    &why))
			assert(why != NULL && *why != '\0');
	}
	map_free(values, mem_free);
	buf_done(&line);
	buf_done(&out);
	return 0;
}
