/*
 * Any value of a table, and any text it is for: an action is one that its user
 * may have, its text is what it must be, and nothing becomes two lines.
 */

#include <assert.h>
#include <string.h>

#include "mail/checks.h"
#include "mail/header.h"
#include "tests/fuzz/fuzz.h"
#include "util/mem.h"

const char *const fuzz_words[] = {
	"REJECT", "reject ", "WARN", "BCC ", "FILTER ", "REDIRECT ", "HOLD",
	"DISCARD", "IGNORE", "STRIP ", "INFO", "PASS", "PREPEND ", "REPLACE ",
	"DUNNO", "OK", " ", "\t", "\n", "\n ", "\r\n", "X: y", "a@b.example",
	"@", "smtp:", "5.7.1", "4.7.0 ", "2.0.0", "550 ", "text", "\"a b\"@c",
	"\303\274", "\377", NULL,
};

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("REJECT 5.7.9 no"), FUZZ_SEED("REPLACE X: a\n b\nBcc: c"),
	FUZZ_SEED("FILTER smtp:[127.0.0.1]:10025"), FUZZ_SEED("BCC a@b.example"),
	{ 0 },
};

static void
check_text(enum checks_kind kind, const struct checked *c)
{
	switch (c->action) {
	case CHECK_BCC:
	case CHECK_REDIRECT:
		assert(strchr(c->text.data, '@') != NULL);
		break;
	case CHECK_FILTER:
		assert(strchr(c->text.data, ':') != NULL);
		break;
	case CHECK_REJECT:
		assert(c->text.data[0] == '4' || c->text.data[0] == '5');
		assert(c->text.data[1] == '.');
		break;
	case CHECK_PREPEND:
	case CHECK_REPLACE:
		assert(c->text.len > 0);
		assert(kind == CHECKS_BODY ||
		    header_name_len(c->text.data, c->text.len) > 0);
		for (size_t i = 0; i < c->text.len; i++)
			assert(c->text.data[i] != '\n' ||
			    c->text.data[i + 1] == ' ' ||
			    c->text.data[i + 1] == '\t');
		break;
	default:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char	      *value = mem_strndup((const char *)bytes, len);
	struct checked c = CHECKED_INIT;
	struct buf     line = BUF_INIT;

	for (int user = CHECKS_CLEANUP; user <= CHECKS_MILTER; user++)
		for (int kind = 0; kind < CHECKS_KINDS; kind++) {
			checks_parse(user, kind, "x_checks", value, &c);
			assert(c.problem.len == 0 || c.action == CHECK_NONE ||
			    c.action == CHECK_REJECT);
			assert(user != CHECKS_SMTP ||
			    (c.action != CHECK_REJECT &&
			    c.action != CHECK_REDIRECT &&
			    c.action != CHECK_BCC));
			check_text(kind, &c);
			buf_clear(&line);
			checks_log_line(&line, kind, &c,
			    (struct str){ (const char *)bytes, len }, "");
			assert(line.len < 300 + 2 * strlen(value));
		}
	checked_done(&c);
	buf_done(&line);
	mem_free(value);
	return 0;
}
