/* Where regexp:, pcre: and cidr: find their rules: a file, or the table's own
 * name. */

#include <string.h>

#include "table/table_type.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

static bool
unbrace(struct table *t, char *text, char **ret)
{
	const char *wrong = table_unbrace(text, ret);

	return wrong == NULL || table_fail(t, "%s map: %s in \"%s\"",
	    t->type->name, wrong, text);
}

/* Each rule stands for a line of a file, which may be empty or a comment. */
static bool
read_inline(struct table *t, table_rule_fn *rule)
{
	char *copy = mem_strdup(t->name), *rest, *word, *text;
	bool  ok = unbrace(t, copy, &rest);

	for (int i = 1; ok && (word = table_next_word(&rest)) != NULL; i++) {
		ok = unbrace(t, word, &text);
		if (ok && *text != '\0' && *text != '#')
			rule(t, text, i);
	}
	mem_free(copy);
	return ok;
}

bool
table_read_rules(struct table *t, table_rule_fn *rule)
{
	struct table_source *s;
	struct buf	     line = BUF_INIT;
	const char	    *error;
	int		     number;

	if (t->name[0] == '{')
		return read_inline(t, rule);
	s = table_open_source(t, "open");
	if (s == NULL)
		return false;
	while (table_source_next(s, &line, &number))
		rule(t, line.data, number);
	error = table_source_error(s);
	if (error != NULL)
		table_fail(t, "%s", error);
	buf_done(&line);
	table_source_close(s);
	return error == NULL;
}
