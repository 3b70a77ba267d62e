/*
 * regexp: tables, with the C library's POSIX expressions
 *
 * Its matcher may take time and memory that grow with the square of the text,
 * and much faster when the expression refers back to a group.  It can't be
 * interrupted, so texts are bounded; no header is longer, unless
 * header_size_limit was raised.
 */

#include <regex.h>
#include <string.h>

#include "table/pattern.h"
#include "util/buf.h"
#include "util/mem.h"

enum {
	TEXT_MAX = 128 * 1024,		/* bytes */
	BACK_TEXT_MAX = 8 * 1024,	/* with \1 to \9 in the expression */
};

struct expression {
	regex_t	re;
	size_t	text_max;
};

static bool
refers_back(const char *pattern)
{
	while ((pattern = strchr(pattern, '\\')) != NULL &&
	    pattern[1] != '\0') {
		if (pattern[1] >= '1' && pattern[1] <= '9')
			return true;
		pattern += 2;
	}
	return false;
}

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
compile(const char *pattern, unsigned options, int *ret_groups,
    struct buf *why)
{
	struct expression *e = NEW(struct expression);
	int		   error;

	error = regcomp(&e->re, pattern,
	    (int)(options ^ (REG_EXTENDED | REG_ICASE)));
	if (error != 0) {
		char *room = buf_room(why, 256);

		regerror(error, &e->re, room, 256);
		buf_grow(why, strlen(room));
		mem_free(e);
		return NULL;
	}
	*ret_groups = (int)e->re.re_nsub;
	e->text_max = refers_back(pattern) ? BACK_TEXT_MAX : TEXT_MAX;
	return e;
}

static enum pattern_match
match(void *compiled, const char *text, size_t len,
    struct pattern_span *spans, size_t span_count, struct buf *why)
{
	const struct expression *e = compiled;
	regmatch_t		 found[PATTERN_GROUPS];
	int			 error;

	if (len > e->text_max) {
		buf_addf(why, "no match tried: a text of %zu bytes is too "
		    "long for this expression (limit: %zu); use a pcre: table",
		    len, e->text_max);
		return PATTERN_TROUBLE;
	}
	error = regexec(&e->re, text, span_count > 1 ? span_count : 0,
	    found, 0);
	if (error == REG_NOMATCH)
		return PATTERN_NO;
	if (error != 0) {
		char *room = buf_room(why, 256);

		regerror(error, &e->re, room, 256);
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
	struct expression *e = compiled;

	regfree(&e->re);
	mem_free(e);
}

static bool
open_regexp(struct table *t)
{
	static const struct pattern_engine engine = {
		"regexp", "skipping", "out-of-range", option, compile, match, free_compiled,
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
