#include <stdio.h>
#include <string.h>

#include "commands/postconf/postconf.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	WIDTH = 80,
	INDENT = 4,
	COLUMNS = 8,
};

/* Where the columns of master.cf begin. */
static const size_t column_at[COLUMNS] = { 0, 11, 17, 25, 33, 41, 49, 57 };

/* Adds white space as one space each, none at the ends. */
static void
collapse(struct buf *out, const char *text)
{
	const char *p = text;
	size_t	    n, start = out->len;

	while (*(p += strspn(p, " \t\r\n")) != '\0') {
		n = strcspn(p, " \t\r\n");
		if (out->len > start)
			buf_addc(out, ' ');
		buf_add(out, p, n);
		p += n;
	}
}

static size_t
column_of(const struct buf *b)
{
	const char *nl = memrchr(b->data, '\n', b->len);

	return nl != NULL ? (size_t)(b->data + b->len - nl - 1) : b->len;
}

/* A word of `n` bytes after a space, or on a new line if the line would grow
 * beyond `width`, unless that is 0. */
static void
add_word(struct buf *out, const char *word, size_t n, size_t width)
{
	if (column_of(out) == 0)
		;
	else if (width > 0 && column_of(out) + 1 + n > width)
		buf_addf(out, "\n%*s", INDENT, "");
	else
		buf_addc(out, ' ');
	buf_add(out, word, n);
}

static void
add_words(struct buf *out, const char *text, size_t width)
{
	size_t n;

	while (*(text += strspn(text, " \t\r\n")) != '\0') {
		n = strcspn(text, " \t\r\n");
		add_word(out, text, n, width);
		text += n;
	}
}

void
show_json_member(struct buf *out, const char *name, const char *value)
{
	buf_adds(out, out->len == 0 ? "{" : ", ");
	text_json(out, name, strlen(name));
	buf_adds(out, ": ");
	text_json(out, value, strlen(value));
}

void
show_json(const char *name, const char *value)
{
	struct buf out = BUF_INIT;

	show_json_member(&out, name, value);
	buf_addc(&out, '}');
	puts(out.data);
	buf_done(&out);
}

void
show(const char *name, const char *value)
{
	struct buf out = BUF_INIT;

	if (HAS('j')) {
		collapse(&out, value);
		show_json(name, out.data);
		buf_done(&out);
		return;
	}
	if (HAS('H')) {
		buf_adds(&out, name);
	} else {
		if (!HAS('h'))
			buf_addf(&out, "%s =", name);
		add_words(&out, value, HAS('f') ? WIDTH : 0);
	}
	puts(out.data);
	buf_done(&out);
}

/* An argument as it must stand in the file. */
static char *
quoted(const char *arg)
{
	if (*arg == '\0' || strpbrk(arg, " \t\r\n") != NULL)
		return mem_printf("{%s}", arg);
	return mem_strdup(arg);
}

/*
 * The arguments.  Folded, each -o among the options stands on a line of its
 * own, and what follows it begins a line.
 */
static void
add_arguments(struct buf *out, const struct service *s, bool fold)
{
	bool  options = true, after_o = false, after_value = false, new_line;
	char *arg;

	for (int i = 1; i < s->argc; i++) {
		arg = quoted(s->argv[i]);
		new_line = !after_o && after_value;
		if (options && !after_o) {
			options = s->argv[i][0] == '-';
			new_line |= options && strcmp(s->argv[i], "-o") == 0;
		}
		after_value = after_o;
		if (new_line && fold) {
			buf_addf(out, "\n%*s%s", INDENT, "", arg);
		} else if (after_o) {
			buf_addf(out, " %s", arg);
		} else {
			add_word(out, arg, strlen(arg), fold ? WIDTH - 1 : 0);
		}
		after_o = options && !after_o && strcmp(s->argv[i], "-o") == 0;
		mem_free(arg);
	}
}

void
show_command(struct buf *out, const struct service *s, bool fold)
{
	add_word(out, s->argv[0], strlen(s->argv[0]), 0);
	add_arguments(out, s, fold);
}

void
show_service(struct buf *out, const struct service *s, bool fold)
{
	size_t start = out->len, at;

	for (int i = 0; i < COLUMNS; i++) {
		if (i > 0)
			buf_addc(out, ' ');
		for (at = out->len - start; at < column_at[i]; at++)
			buf_addc(out, ' ');
		buf_adds(out, i < COLUMNS - 1 ? s->fields[i] : s->argv[0]);
	}
	add_arguments(out, s, fold);
}
