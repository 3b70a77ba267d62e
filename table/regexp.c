/*
 * regexp: tables, with the C library's POSIX expressions
 *
 * Its matcher may take time and memory that grow with the square of the text,
 * and much faster when the expression refers back to a group.  It can't be
 * interrupted, so texts are bounded; no header is longer, unless
 * header_size_limit was raised.
 *
 * Its compiler copies what is repeated: "a+" is "aa*", and repetitions of
 * repetitions multiply, up to all memory there is.  So the size is reckoned
 * first.
 */

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "table/pattern.h"
#include "util/buf.h"
#include "util/mem.h"

enum {
	TEXT_MAX = 128 * 1024,		/* bytes */
	BACK_TEXT_MAX = 8 * 1024,	/* with \1 to \9 in the expression */
	SIZE_LIMIT = 100000,		/* positions; some 100 MB at worst */
	NESTING_MAX = 200,		/* groups within groups */
	CLOSURE_STEP = 160,		/* see repeated() */
	PLUS_ON_CHAR = 2, PLUS_ON_GROUP = 4, PLUS_ON_REPEATED = 16,
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

/* Behind a bracket expression that begins at `p`. */
static const char *
skip_bracket(const char *p)
{
	p += p[1] == '^' ? 2 : 1;
	if (*p == ']')
		p++;
	for (; *p != '\0' && *p != ']'; p++) {
		const char close[] = { p[1], ']', '\0' };
		const char *end = NULL;

		if (*p == '[' && p[1] != '\0' && strchr(":.=", p[1]) != NULL)
			end = strstr(p + 2, close);
		if (end != NULL)
			p = end + 1;
	}
	return p + (*p == ']');
}

/* The size of what stands before "{min,max}", repeated.  Where copies may be
 * left out each can be reached from all before it. */
static double
repeated(double size, const char **p)
{
	char *end;
	long  min = strtol(*p, &end, 10), max = min;

	if (*end == ',')
		max = end[1] >= '0' && end[1] <= '9' ?
		    strtol(end + 1, &end, 10) : min + 1;
	*p = end;
	if (min < 0 || max < min || max > RE_DUP_MAX)
		return size;	/* regcomp() says what is wrong */
	return size * (double)(max > 0 ? max : 1) *
	    (1 + (double)(max - min) / CLOSURE_STEP);
}

/*
 * Could the compiled expression take more memory than a rule may?  A "+" makes
 * two of what stands before it; if that may be empty, as in "(a*)+" and
 * "a?+", each part of one copy can be reached from each of the other, and
 * behind "^" a fifth "+" in a row takes seconds.
 */
static bool
is_too_large(const char *p, bool extended)
{
	double	 before[NESTING_MAX], size = 0, last = 0;
	unsigned depth = 0;
	int	 weight = PLUS_ON_REPEATED;	/* of a "+" that comes now */

	while (*p != '\0' && size + last < SIZE_LIMIT) {
		bool escaped = *p == '\\' && p[1] != '\0';
		char c = *(p += escaped);
		bool is_operator = escaped != extended;

		if (c == '[' && !escaped) {
			p = skip_bracket(p);
			size += last;
			last = 1;
			weight = PLUS_ON_CHAR;
			continue;
		}
		p++;
		if (is_operator && c == '(') {
			if (depth == NESTING_MAX)
				return true;
			before[depth++] = size + last;
			size = last = 0;
		} else if (is_operator && c == ')' && depth > 0) {
			last = size + last + 1;
			size = before[--depth];
		} else if (is_operator && c == '+') {
			last *= weight;
		} else if (is_operator && c == '{') {
			last = repeated(last, &p);
		} else if ((is_operator && c == '?') || (!escaped && c == '*')) {
			last++;
		} else {
			size += last;
			last = 1;
			weight = PLUS_ON_CHAR;
			continue;
		}
		weight = c == ')' ? PLUS_ON_GROUP : PLUS_ON_REPEATED;
	}
	return size + last >= SIZE_LIMIT;
}

static void *
compile(const char *pattern, unsigned options, int *ret_groups,
    struct buf *why)
{
	int		   flags = (int)(options ^ (REG_EXTENDED | REG_ICASE));
	struct expression *e;
	int		   error;

	if (is_too_large(pattern, (flags & REG_EXTENDED) != 0)) {
		buf_adds(why, "Regular expression too big");
		return NULL;
	}
	e = NEW(struct expression);
	error = regcomp(&e->re, pattern, flags);
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
		"regexp", "skipping", "out-of-range", true, option, compile,
		match, free_compiled,
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
