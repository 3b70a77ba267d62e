/* Any text as a list of tables, and as a file of bounce templates. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "conf/table_params.h"
#include "mail/bounce_template.h"
#include "util/buf.h"
#include "util/mem.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"mysql:", "proxy:ldap:", "/path", "box", "unionmap:{", "}", "{", ",",
	" ", "hash:", ":", "\n", "failure_template", "delay_template", " = ",
	"<<EOF", "<<", "EOF", "\nEOF\n", "Subject: x\n", "Charset: utf-8\n",
	"\n\n", "text\n", "Postmaster-Subject:", "$name", "\303\244", NULL
};

static void
tables(const char *text)
{
	const struct table_params *type = NULL;
	const char *p = text, *name, *end = text + strlen(text), *last = text;
	size_t	    len;

	while ((p = table_params_scan(p, &type, &name, &len)) != NULL) {
		assert(type != NULL && type->type != NULL);
		assert(len > 0 && name > last && name + len == p && p <= end);
		last = p;
	}
}

static void
templates(char *text)
{
	const struct bounce_template *t;
	struct bounce_templates set;
	struct buf		why = BUF_INIT;

	bounce_templates_init(&set, NULL);
	if (!bounce_templates_parse(&set, text, "f", &why))
		assert(why.len > 0);
	for (int i = 0; i < TEMPLATE_COUNT; i++) {
		t = bounce_template_get(&set, i);
		assert(*t->text != '\0' && t->subject != NULL);
		assert(t->charset != NULL && t->origin != NULL);
	}
	bounce_templates_done(&set);
	buf_done(&why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = mem_strndup((const char *)bytes, len);

	tables(text);
	templates(text);
	mem_free(text);
	return 0;
}
