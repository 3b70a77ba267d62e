#include "server/words.h"

#include <stddef.h>

#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

void
words_check(const char *name, const char *value, const char *const *known)
{
	char *copy = mem_strdup(value), *rest = copy, *word;
	const char *const *k;

	while ((word = text_word(&rest, TEXT_LIST_SEP, false)) != NULL) {
		for (k = known; *k != NULL && !text_eq_nocase(*k, word); k++)
			;
		if (*k == NULL)
			fatalx("unknown %s value \"%s\" in \"%s\"", name, word,
			    value);
	}
	mem_free(copy);
}
