/* Any text as a master.cf, and as a main.cf that is edited. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "conf/edit.h"
#include "conf/master_cf.h"
#include "util/buf.h"
#include "util/map.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"smtp inet n - n - - smtpd", "a unix - - n 60? 1 x", "\n", "\n  ",
	"\r\n", "-o ", "a=b", "{ x = y z }", "{", "}", "{{", "=", "-", "n",
	"y", "1000?", "unix-dgram", "\t", "#", "# c\n", "-v", "a = 1", "a",
	" = ", NULL
};

static void
services(const struct buf *text)
{
	struct service_table  t;
	const struct service *s;
	const char	     *why = NULL;

	if (!master_cf_parse(&t, "master.cf", text, 100, &why))
		assert(why != NULL && *why != '\0');
	for (size_t i = 0; i < t.count; i++) {
		s = &t.services[i];
		assert(s->argc > 0 && s->argv[s->argc] == NULL);
		assert(s->from < s->to && s->to <= text->len);
		assert(master_cf_find(&t, s->name, s->type) == s);
	}
	master_cf_done(&t);
}

/* An entry that was set is found again; one that was removed is not. */
static void
edits(const struct buf *text)
{
	static char value[] = "new value";
	struct buf  set = BUF_INIT, removed = BUF_INIT, again = BUF_INIT;
	struct map *names = map_new();
	const char *why = NULL;

	map_set(names, "a", value);
	if (edit_main_cf(text, &set, EDIT_SET, names, NULL, &why)) {
		assert(strstr(set.data, "a = new value\n") != NULL ||
		    memchr(set.data, '\0', set.len) != NULL);
		assert(edit_main_cf(&set, &removed, EDIT_REMOVE, names, NULL,
		    &why));
		assert(edit_main_cf(&removed, &again, EDIT_REMOVE, names, NULL,
		    &why));
		assert(again.len == removed.len);
	} else {
		assert(why != NULL && *why != '\0');
	}
	map_free(names, NULL);
	buf_done(&set);
	buf_done(&removed);
	buf_done(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf text = BUF_INIT;

	buf_add(&text, bytes, len);
	services(&text);
	edits(&text);
	buf_done(&text);
	return 0;
}
