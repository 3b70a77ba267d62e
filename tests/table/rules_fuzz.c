/* Any text as a source file, an alias line, and the rules of pattern tables. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>

#include "table/alias_line.h"
#include "table/cidr.h"
#include "table/table.h"
#include "util/buf.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"if ", "IF !", "endif\n", "/", "!", "{", "}", "{{", "}, {", "(", ")",
	"$", "${1}", "$1", "$(2)", "\\", "[", "]", "10.0.0.0/8", "::1/128 x",
	"[::]/0", "a", " ", "\t", "*", "+", "=", ",", "\"", "/i x\n", "/x\n",
	"1.2.3.4 ok\n", "\xc3\xa4", "#", "\n", "\n ", ":include:", "name: x",
	NULL
};

static void
read_source(const char *bytes, size_t len)
{
	struct table_source *s = table_source_text(bytes, len, "input");
	struct buf line = BUF_INIT, name = BUF_INIT, value = BUF_INIT;
	char	  *key, *rest;
	int	   number;

	while (table_source_next(s, &line, &number)) {
		buf_clear(&name);
		buf_clear(&value);
		alias_line_parse(line.data, &name, &value);
		table_source_split(line.data, &key, &rest);
	}
	table_source_close(s);
	buf_done(&line);
	buf_done(&name);
	buf_done(&value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const types[] = {
		"cidr:{{", "regexp:{{", "pcre:{{", "inline:{", "static:{",
		"unionmap:{", "pipemap:{", "randmap:{",
	};
	static bool   quiet;
	struct buf    name = BUF_INIT, ret = BUF_INIT;
	struct table *t;
	struct cidr   net;
	int	      null;

	if (!quiet) {	/* the warnings would be most of the work */
		null = open("/dev/null", O_WRONLY);
		dup2(null, STDERR_FILENO);
		quiet = true;
	}
	read_source((const char *)bytes, len);
	if (len == 0 || memchr(bytes, '\0', len) != NULL)
		return 0;
	buf_adds(&name, types[bytes[0] % 8]);
	buf_add(&name, bytes, len);
	cidr_parse(&net, name.data, &ret);
	buf_clear(&ret);
	cidr_parse(&net, name.data + strlen(types[bytes[0] % 8]), &ret);
	buf_adds(&name, bytes[0] % 8 < 3 ? "}}" : "}");
	t = table_open(name.data, TABLE_FOLD);
	table_find(t, "10.1.2.3", &ret);
	table_find(t, "a b", &ret);
	table_close(t);
	buf_done(&name);
	buf_done(&ret);
	return 0;
}
