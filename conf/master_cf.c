/*
 * master.cf: eight columns, the last of which is a command with arguments.
 *
 *	service type private unpriv chroot wakeup maxproc command [args]
 *
 * An argument may be { text with spaces }; "-o name = value" in braces loses
 * the space round its '='.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf/lines.h"
#include "conf/master_cf.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	FILE_MAX = 16 * 1024 * 1024,
	COLUMNS = 8,
	ARGS_MAX = 1000,
};

static const char *const type_names[] = {
	[SERVICE_INET] = "inet",
	[SERVICE_UNIX] = "unix",
	[SERVICE_FIFO] = "fifo",
	[SERVICE_PASS] = "pass",
	[SERVICE_UNIX_DGRAM] = "unix-dgram",
};

const char *
service_type_name(enum service_type type)
{
	return type_names[type];
}

struct parser {
	const char	 *path;
	int		  line;
	const char	 *text;		/* the logical line, for messages */
	int		  default_limit;
	const char	**ret_why;
};

static bool __attribute__((format(printf, 2, 3)))
fail(struct parser *p, const char *fmt, ...)
{
	static struct buf message = BUF_INIT;
	va_list		  ap;

	buf_clear(&message);
	buf_addf(&message, "%s: line %d: ", p->path, p->line);
	va_start(ap, fmt);
	buf_addv(&message, fmt, ap);
	va_end(ap);
	buf_addf(&message, " in \"%.200s\"", p->text);
	*p->ret_why = message.data;
	return false;
}

static bool
bad_field(struct parser *p, const char *column, const char *value,
    const char *write)
{
	return fail(p, "invalid %s field \"%s\"; write %s;", column, value,
	    write);
}

static bool
set_type(struct parser *p, struct service *s)
{
	for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++)
		if (text_eq(s->fields[1], type_names[i])) {
			s->type = (enum service_type)i;
			return true;
		}
	return bad_field(p, "type", s->fields[1],
	    "inet, unix, unix-dgram, fifo or pass");
}

static bool
set_yes_no(struct parser *p, const char *column, const char *value,
    bool by_default, bool *ret)
{
	if (text_eq(value, "-"))
		*ret = by_default;
	else if (text_eq(value, "y"))
		*ret = true;
	else if (text_eq(value, "n"))
		*ret = false;
	else
		return bad_field(p, column, value, "y, n or -");
	return true;
}

static bool
set_wakeup(struct parser *p, struct service *s)
{
	char *text = mem_strdup(s->fields[5]);
	size_t len = strlen(text);
	long  seconds = 0;
	bool  ok = true;

	if (!text_eq(text, "-")) {
		s->wakeup_if_used = len > 0 && text[len - 1] == '?';
		if (s->wakeup_if_used)
			text[len - 1] = '\0';
		ok = text_is_digits(text) &&
		    text_to_long(text, 0, INT32_MAX, &seconds);
	}
	mem_free(text);
	if (!ok)
		return bad_field(p, "wakeup", s->fields[5],
		    "seconds, with '?' behind them if you like, or -");
	s->wakeup = (int)seconds;
	return true;
}

static bool
set_maxproc(struct parser *p, struct service *s)
{
	const char *text = s->fields[6];
	long	    n;

	if (text_eq(text, "-")) {
		s->maxproc = p->default_limit;
		return true;
	}
	if (!text_is_digits(text) || !text_to_long(text, 0, INT32_MAX, &n))
		return bad_field(p, "process_limit", text,
		    "a number, 0 for no limit, or -");
	s->maxproc = (int)n;
	return true;
}

/* "{ a = b }" as an argument: the text inside, "name=value" without space
 * round '=' if it follows -o. */
static bool
unbrace(struct parser *p, char **arg, bool is_option)
{
	char	   *text = *arg, *name, *value;
	size_t	    len = strlen(text);
	const char *wrong;

	if (text[0] != '{')
		return true;
	if (len < 2 || text[len - 1] != '}')
		return fail(p, "missing '}' in \"%s\"; close the brace;", text);
	text[len - 1] = '\0';
	text = text_trim(text + 1);
	if (is_option) {
		if ((wrong = lines_split(text, &name, &value)) != NULL)
			return fail(p, "%s: \"%s\"; write -o { name = value };",
			    wrong, text);
		*arg = mem_printf("%s=%s", name, value);
	} else {
		*arg = mem_strdup(text);
	}
	return true;
}

/* -o name=value must have a name and a '='. */
static bool
check_option(struct parser *p, const char *value)
{
	const char *equals = strchr(value, '=');

	if (equals != NULL && equals > value)
		return true;
	return fail(p, "missing %s: \"%s\"; write -o name=value;",
	    equals == NULL ? "'=' after attribute name" : "attribute name",
	    value);
}

static bool
add_arguments(struct parser *p, struct service *s, char *rest)
{
	char *word, *arg;
	bool  after_o = false;

	while ((word = text_word(&rest, " \t\r", true)) != NULL) {
		if (s->argc >= ARGS_MAX)
			return fail(p, "more than %d arguments;", ARGS_MAX);
		arg = word;
		if (!unbrace(p, &arg, after_o))
			return false;
		if (arg == word)
			arg = mem_strdup(word);
		s->argv = mem_realloc(s->argv,
		    (size_t)(s->argc + 2) * sizeof *s->argv);
		s->argv[s->argc++] = arg;
		s->argv[s->argc] = NULL;
		if (after_o && !check_option(p, arg))
			return false;
		after_o = !after_o && text_eq(word, "-o");
	}
	return true;
}

static bool
parse_service(struct parser *p, struct service *s, char *line)
{
	char *rest = line, *word, *last;

	s->line = p->line;
	for (int i = 0; i < COLUMNS - 1; i++) {
		if ((word = text_word(&rest, " \t\r", true)) == NULL)
			return fail(p, "bad field count; write \"service type "
			    "private unprivileged chroot wakeup maxproc "
			    "command\";");
		s->fields[i] = mem_strdup(word);
	}
	last = rest == NULL ? (char *)(intptr_t)"" : rest;
	last += strspn(last, " \t\r");
	if (*last == '\0')
		return fail(p, "bad field count; the command is missing;");
	s->fields[7] = mem_strdup(last);
	s->name = mem_strdup(s->fields[0]);
	if (!set_type(p, s) ||
	    !set_yes_no(p, "private", s->fields[2], true, &s->is_private) ||
	    !set_yes_no(p, "unprivileged", s->fields[3], true,
		&s->unprivileged) ||
	    !set_yes_no(p, "chroot", s->fields[4], false, &s->chroot) ||
	    !set_wakeup(p, s) || !set_maxproc(p, s) ||
	    !add_arguments(p, s, last))
		return false;
	s->program = mem_strdup(s->argv[0]);
	return true;
}

static void
service_done(struct service *s)
{
	mem_free(s->name);
	mem_free(s->program);
	for (int i = 0; i < s->argc; i++)
		mem_free(s->argv[i]);
	mem_free(s->argv);
	for (int i = 0; i < COLUMNS; i++)
		mem_free(s->fields[i]);
}

static struct service *
find(const struct service_table *t, const char *name, enum service_type type)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->services[i].type == type &&
		    text_eq(t->services[i].name, name))
			return &t->services[i];
	return NULL;
}

static bool
add_service(struct parser *p, struct service_table *t, const char *text)
{
	struct service *s, *other;
	char	       *copy = mem_strdup(text);
	bool		ok;

	t->services = mem_realloc(t->services,
	    (t->count + 1) * sizeof *t->services);
	s = &t->services[t->count];
	memset(s, 0, sizeof *s);
	ok = parse_service(p, s, copy);
	mem_free(copy);
	if (!ok) {
		service_done(s);
		return false;
	}
	if ((other = find(t, s->name, s->type)) != NULL) {
		s->replaced = other->line;
		service_done(other);
		*other = *s;
	} else {
		t->count++;
	}
	return true;
}

bool
master_cf_parse(struct service_table *ret, const char *path,
    const struct buf *content, int default_process_limit,
    const char **ret_why)
{
	struct parser	     p = { .path = path, .ret_why = ret_why };
	struct service_table t = { 0 };
	struct buf	     line = BUF_INIT;
	struct lines	     l;
	bool		     ok = true;

	p.default_limit = default_process_limit;
	lines_init(&l, content->data, content->len);
	while (ok && lines_next(&l, &line)) {
		p.line = l.first;
		p.text = line.data;
		if (memchr(line.data, '\0', line.len) != NULL)
			ok = fail(&p, "NUL byte; remove it;");
		else if (l.indented)
			t.stray_line = l.first;
		else
			ok = add_service(&p, &t, line.data);
	}
	buf_done(&line);
	if (!ok) {
		master_cf_done(&t);
		return false;
	}
	*ret = t;
	return true;
}

bool
master_cf_read(struct service_table *ret, const char *path,
    int default_process_limit, const char **ret_why)
{
	static struct buf message = BUF_INIT;
	struct buf	  content = BUF_INIT;
	bool		  ok;

	if (!file_read(path, FILE_MAX, &content)) {
		buf_clear(&message);
		buf_addf(&message, "open %s: %s", path, strerror(errno));
		*ret_why = message.data;
		buf_done(&content);
		return false;
	}
	ok = master_cf_parse(ret, path, &content, default_process_limit,
	    ret_why);
	buf_done(&content);
	return ok;
}

void
master_cf_done(struct service_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		service_done(&t->services[i]);
	mem_free(t->services);
	*t = (struct service_table){ 0 };
}

const struct service *
master_cf_find(const struct service_table *t, const char *name,
    enum service_type type)
{
	return find(t, name, type);
}
