/* regexp: tables, with the C library's POSIX expressions. */

#include <regex.h>
#include <string.h>

#include "table/pattern.h"
#include "util/buf.h"
#include "util/mem.h"

static int
option(char letter)
{
	switch (letter) {
	case 'i':
		return REG_ICASE;
	case 'm':
		return REG_NEWLINE;
	case 'x':
		return REG_EXTENDED;
	default:
		return 0;
	}
}

static void *
compile(const char *pattern, unsigned options, bool utf8, int *ret_groups,
    struct buf *why)
{
	regex_t *re = mem_zalloc(sizeof *re);
	int	 error;

	(void)utf8;
	error = regcomp(re, pattern,
	    (int)(options ^ (REG_EXTENDED | REG_ICASE)));
	if (error != 0) {
		char *room = buf_room(why, 256);

		regerror(error, re, room, 256);
		buf_grow(why, strlen(room));
		mem_free(re);
		return NULL;
	}
	*ret_groups = (int)re->re_nsub;
	return re;
}

static enum pattern_match
match(void *compiled, const char *text, size_t len,
    struct pattern_span *spans, size_t span_count, struct buf *why)
{
	regmatch_t found[PATTERN_GROUPS];
	int	   error;

	(void)len;
	error = regexec(compiled, text, span_count > 1 ? span_count : 0,
	    found, 0);
	if (error == REG_NOMATCH)
		return PATTERN_NO;
	if (error != 0) {
		char *room = buf_room(why, 256);

		regerror(error, compiled, room, 256);
		buf_grow(why, strlen(room));
		return PATTERN_TROUBLE;
	}
	for (size_t i = 0; span_count > 1 && i < span_count; i++) {
		spans[i].begin = found[i].rm_so;
		spans[i].end = found[i].rm_eo;
	}
	return PATTERN_YES;
}

static void
free_compiled(void *compiled)
{
	regfree(compiled);
	mem_free(compiled);
}

static bool
open_regexp(struct table *t)
{
	static const struct pattern_engine engine = {
		"regexp", option, compile, match, free_compiled,
	};

	return pattern_open(t, &engine);
}

const struct table_type table_type_regexp = {
	.name = "regexp",
	.traits = TYPE_PATTERN,
	.open = open_regexp,
	.close = pattern_close,
	.find = pattern_find,
};
