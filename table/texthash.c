/* texthash: and inline:, tables kept in memory as they are written. */

#include <string.h>

#include "table/rhs_file.h"
#include "table/table_type.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

struct memory_table {
	struct map	*entries;	/* key -> value */
	size_t		 next;		/* of table_sequence() */
};

static struct memory_table *
make(void)
{
	struct memory_table *m = NEW(struct memory_table);

	m->entries = map_new();
	return m;
}

static void
discard(struct memory_table *m)
{
	map_free(m->entries, mem_free);
	mem_free(m);
}

static bool
close_memory(struct table *t, bool publish)
{
	(void)publish;
	discard(t->state);
	return true;
}

/* False if the key was there and must stay. */
static bool
add(const struct table *t, struct memory_table *m, const char *key,
    const char *value, bool replace)
{
	struct buf folded = BUF_INIT;

	if ((t->flags & TABLE_FOLD) != 0)
		text_fold(&folded, key, (t->flags & TABLE_UTF8) != 0);
	else
		buf_adds(&folded, key);
	if (!replace && map_find(m->entries, folded.data) != NULL) {
		buf_done(&folded);
		return false;
	}
	mem_free(map_set(m->entries, folded.data, mem_strdup(value)));
	buf_done(&folded);
	return true;
}

static void
add_text_line(const struct table *t, struct memory_table *m, char *line,
    int number)
{
	struct buf  room = BUF_INIT, why = BUF_INIT;
	char	   *key, *value;
	const char *wrong = table_source_split(line, &key, &value);

	if (wrong != NULL) {
		log_warn("%s, line %d: %s -- ignoring this line", t->name,
		    number, wrong);
		return;
	}
	if (key[strlen(key) - 1] == ':')
		log_warn("%s, line %d: record is in \"key: value\" format; "
		    "is this an alias file?", t->name, number);
	value = rhs_file_value(t, value, &room, &why);
	if (value == NULL)
		log_warn("%s, line %d: %s: skipping this entry", t->name,
		    number, why.data);
	else if (!add(t, m, key, value,
	    (t->flags & TABLE_DUP_REPLACE) != 0) &&
	    (t->flags & TABLE_DUP_IGNORE) == 0)
		log_warn("%s, line %d: duplicate entry: \"%s\"", t->name,
		    number, key);
	buf_done(&room);
	buf_done(&why);
}

static bool
open_texthash(struct table *t)
{
	struct table_source *s = table_open_source(t, "open database");
	struct memory_table *m;
	struct buf	     line = BUF_INIT;
	const char	    *error;
	int		     number;

	if (s == NULL)
		return false;
	m = make();
	if ((t->flags & TABLE_UTF8) != 0)
		table_source_set_utf8(s);
	while (table_source_next(s, &line, &number))
		add_text_line(t, m, line.data, number);
	error = table_source_error(s);
	if (error != NULL) {
		table_fail(t, "%s", error);
		discard(m);
	} else {
		t->state = m;
	}
	buf_done(&line);
	table_source_close(s);
	return error == NULL;
}

static bool
bad_inline(struct table *t, const char *what)
{
	return table_fail(t, "%s: \"%s\"; need \"inline:{name=%s...}\"",
	    what, t->full_name, (t->flags & TABLE_SRC_IS_FILE) != 0 ?
	    "filename" : "value");
}

/* The end of a name, where what is quoted may be anything; NULL if a quote is
 * not closed. */
static char *
name_end(char *p)
{
	bool quoted = false;

	for (; *p != '\0'; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && strchr("= \t\r\n", *p) != NULL)
			break;
	return quoted ? NULL : p;
}

/* "name = value", perhaps in braces; false after table_fail(). */
static bool
add_inline_word(struct table *t, struct memory_table *m, char *word)
{
	struct buf  room = BUF_INIT, why = BUF_INIT;
	const char *wrong = NULL;
	char	   *end, *equal, *value;

	if (*word == '{' && (wrong = table_unbrace(word, &word)) != NULL) {
		buf_addf(&why, "%s in \"%s\"", wrong, word);
		bad_inline(t, *wrong == 'm' ? "bad syntax" : why.data);
		buf_done(&why);
		return false;
	}
	word = text_trim(word);
	if (*word == '\0')
		return bad_inline(t, "no key found; expected format: key = "
		    "value");
	if ((end = name_end(word)) == NULL)
		return bad_inline(t, "unbalanced '\"'");
	equal = end + strspn(end, " \t\r\n");
	if (*equal != '=')
		return bad_inline(t, "missing '=' after attribute name");
	*end = '\0';
	value = rhs_file_value(t, text_trim(equal + 1), &room, &why);
	if (value != NULL)
		add(t, m, word, value, true);
	else
		bad_inline(t, why.data);
	buf_done(&room);
	buf_done(&why);
	return value != NULL;
}

static bool
is_braced_space(const char *text)
{
	size_t n = strspn(text, "{ \t\r\n");

	return n > 1 && text_eq(text + n, "}");
}

static bool
open_inline(struct table *t)
{
	struct memory_table *m;
	char		    *copy, **words;

	words = table_words(t->name, &copy);
	if (words == NULL)
		return bad_inline(t, is_braced_space(t->name) ?
		    "empty table" : "bad syntax");
	m = make();
	for (size_t i = 0; words[i] != NULL; i++) {
		if (add_inline_word(t, m, words[i]))
			continue;
		discard(m);
		m = NULL;
		break;
	}
	mem_free(words);
	mem_free(copy);
	t->state = m;
	return m != NULL;
}

static enum table_result
find_memory(struct table *t, const char *key, struct buf *ret)
{
	struct memory_table *m = t->state;
	const char	    *value = map_find(m->entries, key);

	if (value == NULL)
		return TABLE_NOT_FOUND;
	buf_adds(ret, value);
	return TABLE_FOUND;
}

static enum table_result
sequence_memory(struct table *t, bool first, struct buf *ret_key,
    struct buf *ret_value)
{
	struct memory_table *m = t->state;
	struct map_entry    *e;

	if (first)
		m->next = 0;
	if (m->next >= map_count(m->entries))
		return TABLE_NOT_FOUND;
	e = map_at(m->entries, m->next++);
	buf_add(ret_key, e->key, e->key_len);
	buf_adds(ret_value, e->value);
	return TABLE_FOUND;
}

const struct table_type table_type_texthash = {
	.name = "texthash",
	.open = open_texthash,
	.close = close_memory,
	.find = find_memory,
	.sequence = sequence_memory,
};

const struct table_type table_type_inline = {
	.name = "inline",
	.traits = TYPE_SIMPLE,
	.open = open_inline,
	.close = close_memory,
	.find = find_memory,
	.sequence = sequence_memory,
};
