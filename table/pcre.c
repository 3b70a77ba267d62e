/*
 * pcre: tables.  PCRE2 is loaded when the first such table is opened, so that
 * programs without one don't pay for it when they start.
 *
 * Text is bytes, as in Postfix: '.' is one of them, and /i folds ASCII only.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <dlfcn.h>
#include <string.h>

#include "table/pattern.h"
#include "util/buf.h"
#include "util/mem.h"

enum {
	OPTION_OBSOLETE = -1,
	STEP_LIMIT = 1000000,	/* of one match: hostile text must not cost
				   seconds */
};

static struct {
	void		*handle;
	pcre2_code	*(*compile)(PCRE2_SPTR, PCRE2_SIZE, uint32_t, int *,
			    PCRE2_SIZE *, pcre2_compile_context *);
	void		 (*code_free)(pcre2_code *);
	int		 (*jit_compile)(pcre2_code *, uint32_t);
	int		 (*pattern_info)(const pcre2_code *, uint32_t, void *);
	pcre2_match_data *(*match_data_create)(uint32_t,
			    pcre2_general_context *);
	pcre2_match_context *(*match_context_create)(pcre2_general_context *);
	int		 (*set_match_limit)(pcre2_match_context *, uint32_t);
	int		 (*match)(const pcre2_code *, PCRE2_SPTR, PCRE2_SIZE,
			    PCRE2_SIZE, uint32_t, pcre2_match_data *,
			    pcre2_match_context *);
	PCRE2_SIZE	*(*get_ovector)(pcre2_match_data *);
	int		 (*error_text)(int, PCRE2_UCHAR *, PCRE2_SIZE);
	pcre2_match_data *data;
	pcre2_match_context *context;
} lib;

static const struct {
	const char	*name;
	void		*where;
} symbols[] = {
	{ "pcre2_compile_8", &lib.compile },
	{ "pcre2_code_free_8", &lib.code_free },
	{ "pcre2_jit_compile_8", &lib.jit_compile },
	{ "pcre2_pattern_info_8", &lib.pattern_info },
	{ "pcre2_match_data_create_8", &lib.match_data_create },
	{ "pcre2_match_context_create_8", &lib.match_context_create },
	{ "pcre2_set_match_limit_8", &lib.set_match_limit },
	{ "pcre2_match_8", &lib.match },
	{ "pcre2_get_ovector_pointer_8", &lib.get_ovector },
	{ "pcre2_get_error_message_8", &lib.error_text },
};

static bool
load(struct table *t)
{
	if (lib.data != NULL)
		return true;
	if (lib.handle == NULL)
		lib.handle = dlopen("libpcre2-8.so.0", RTLD_NOW);
	if (lib.handle == NULL)
		return table_fail(t, "%s: %s", t->full_name, dlerror());
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
		void *symbol = dlsym(lib.handle, symbols[i].name);

		if (symbol == NULL)
			return table_fail(t, "%s: %s", t->full_name,
			    dlerror());
		memcpy(symbols[i].where, &symbol, sizeof symbol);
	}
	lib.context = lib.match_context_create(NULL);
	lib.set_match_limit(lib.context, STEP_LIMIT);
	lib.data = lib.match_data_create(PATTERN_GROUPS, NULL);
	return true;
}

static int
option(char letter)
{
	switch (letter) {
	case 'i':
		return PCRE2_CASELESS;
	case 'm':
		return PCRE2_MULTILINE;
	case 's':
		return PCRE2_DOTALL;
	case 'x':
		return PCRE2_EXTENDED;
	case 'A':
		return 1 << 30;	/* PCRE2_ANCHORED is the sign bit */
	case 'E':
		return PCRE2_DOLLAR_ENDONLY;
	case 'U':
		return PCRE2_UNGREEDY;
	case 'X':
		return OPTION_OBSOLETE;
	default:
		return 0;
	}
}

static void *
compile(const char *pattern, unsigned options, int *ret_groups,
    struct buf *why)
{
	uint32_t    flags = options ^ (PCRE2_CASELESS | PCRE2_DOTALL);
	uint32_t    groups = 0;
	pcre2_code *code;
	PCRE2_SIZE  at;
	int	    error;

	if ((flags & 1U << 30) != 0)
		flags = (flags & ~(1U << 30)) | PCRE2_ANCHORED;
	code = lib.compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, flags,
	    &error, &at, NULL);
	if (code == NULL) {
		char *room;

		buf_addf(why, "error in regex at offset %zu: ", at);
		room = buf_room(why, 256);
		*room = '\0';
		lib.error_text(error, (PCRE2_UCHAR *)room, 256);
		buf_grow(why, strlen(room));
		return NULL;
	}
	/* Without just-in-time code (a hardened kernel) it only runs slower. */
	lib.jit_compile(code, PCRE2_JIT_COMPLETE);
	lib.pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	*ret_groups = (int)groups;
	return code;
}

static enum pattern_match
match(void *compiled, const char *text, size_t len,
    struct pattern_span *spans, size_t span_count, struct buf *why)
{
	PCRE2_SIZE *found;
	int	    n;

	n = lib.match(compiled, (PCRE2_SPTR)text, len, 0, 0, lib.data,
	    lib.context);
	if (n == PCRE2_ERROR_NOMATCH)
		return PATTERN_NO;
	if (n < 0) {
		char *room;

		buf_addf(why, "matching error %d: ", n);
		room = buf_room(why, 256);
		*room = '\0';
		lib.error_text(n, (PCRE2_UCHAR *)room, 256);
		buf_grow(why, strlen(room));
		return PATTERN_TROUBLE;
	}
	found = lib.get_ovector(lib.data);
	for (size_t i = 0; i < span_count; i++) {
		bool took_part = (n == 0 || i < (size_t)n) &&
		    found[2 * i] != PCRE2_UNSET;

		spans[i].begin = took_part ? (ssize_t)found[2 * i] : -1;
		spans[i].end = took_part ? (ssize_t)found[2 * i + 1] : -1;
	}
	return PATTERN_YES;
}

static void
free_compiled(void *compiled)
{
	lib.code_free(compiled);
}

static bool
open_pcre(struct table *t)
{
	static const struct pattern_engine engine = {
		"pcre", "ignoring", "out of range", false, option, compile,
		match, free_compiled,
	};

	return load(t) && pattern_open(t, &engine);
}

const struct table_type table_type_pcre = {
	.name = "pcre",
	.traits = TYPE_PATTERN,
	.open = open_pcre,
	.close = pattern_close,
	.find = pattern_find,
};
