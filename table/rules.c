/* Where regexp:, pcre: and cidr: find their rules: a file, or the table's own
 * name. */

#include <string.h>

#include "table/table_type.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

/* Removes the braces of "{rule}" in place; false after table_fail(). */
static bool
unbrace(struct table *t, char *word, char **ret)
{
	char *p;
	int   depth = 0;

	if (*word != '{')
		return table_fail(t, "%s map: no '{' at start of text in "
		    "\"%s\"", t->type->name, word);
	for (p = word; *p != '\0'; p++)
		if (*p == '{')
			depth++;
		else if (*p == '}' && --depth == 0)
			break;
	if (*p == '\0')
		return table_fail(t, "%s map: missing '}' in \"%s\"",
		    t->type->name, word);
	if (p[1] != '\0')
		return table_fail(t, "%s map: syntax error after '}' in "
		    "\"%s\"", t->type->name, word);
	*p = '\0';
	*ret = text_trim(word + 1);
	return true;
}

static bool
read_inline(struct table *t, table_rule_fn *rule)
{
	char *copy, *text = NULL, **words = table_words(t->name, &copy);
	bool  ok = true;

	if (words == NULL && text_eq(t->name, "{}"))
		return true;
	if (words == NULL)
		return table_fail(t, "%s map: bad syntax: \"%s\"; need "
		    "\"%s:{{rule}, {rule}...}\"", t->type->name, t->name,
		    t->type->name);
	for (int i = 0; ok && words[i] != NULL; i++) {
		ok = unbrace(t, words[i], &text);
		if (ok)
			rule(t, text, i + 1);
	}
	mem_free(words);
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
