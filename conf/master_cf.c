/*
 * master.cf: eight columns, the last of which is a command with arguments.
 *
 *	service type private unpriv chroot wakeup maxproc command [args]
 *
 * An argument may be { text with spaces }; the value of an option -o among the
 * options before the first other argument is { name = value } or name=value.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/entries.h"
#include "conf/lines.h"
#include "conf/master_cf.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
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
	size_t		  from, to;	/* its bytes in the file */
	bool		  keep_all;
	bool		  names_only;
	bool		  chroot_noted;
	struct buf	 *notes;
	const char	**ret_why;
};

static bool
bad_field(struct parser *p, const char *column, const char *value,
    const char *write)
{
	struct buf advice = BUF_INIT;

	buf_addf(&advice, "%s, line %d: write %s", p->path, p->line, write);
	conf_fail(p->ret_why, advice.data, "invalid %s field \"%s\" in "
	    "\"%.200s\"", column, value, p->text);
	buf_done(&advice);
	return false;
}

static bool
bad_count(struct parser *p)
{
	return conf_fail(p->ret_why, "write \"service type private "
	    "unprivileged chroot wakeup maxproc command\"",
	    "file %s: line %d: bad field count", p->path, p->line);
}

static void __attribute__((format(printf, 2, 3)))
note(struct parser *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(p->notes, fmt, ap);
	va_end(ap);
	buf_addc(p->notes, '\n');
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

/* Below level 1 "-" means y, as it did before Postfix 3.0. */
static bool
set_chroot(struct parser *p, struct service *s)
{
	bool old = !conf_compat_at_least("1");

	if (!set_yes_no(p, "chroot", s->fields[4], old, &s->chroot))
		return false;
	if (old && text_eq(s->fields[4], "-") && !p->chroot_noted &&
	    !p->keep_all) {
		p->chroot_noted = true;
		note(p, "%s, line %d: using backwards-compatible default "
		    "setting chroot=y; write y or n there, or a "
		    "compatibility_level in main.cf", p->path, p->line);
	}
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

/* "{ text }" as an argument: the text inside. */
static char *
unbrace(struct parser *p, const char *word)
{
	const char *rest = word;
	char	   *copy, *text;
	int	    depth = 0;

	do
		depth += *rest == '{' ? 1 : *rest == '}' ? -1 : 0;
	while (*rest != '\0' && (rest++, depth > 0));
	if (depth > 0)
		note(p, "master.cf: missing '}' in \"%s\"", word);
	else if (*rest != '\0')
		note(p, "master.cf: syntax error after '}' in \"%s\"", word);
	copy = mem_strndup(word + 1,
	    (size_t)(rest - word) - (depth > 0 ? 1 : 2));
	text = mem_strdup(text_trim(copy));
	mem_free(copy);
	return text;
}

/* The text in the braces of -o {name = value}, as "name=value". */
static char *
tidy_option(struct parser *p, char *text)
{
	char	   *copy = mem_strdup(text), *name, *value, *tidy;
	const char *wrong = lines_split(copy, &name, &value);

	if (wrong != NULL) {
		note(p, "master.cf: %s: \"%s\"", wrong, text);
		tidy = text;
	} else {
		tidy = mem_printf("%s=%s", name, value);
		mem_free(text);
	}
	mem_free(copy);
	return tidy;
}

static void
add_argument(struct service *s, char *arg)
{
	s->argv = mem_realloc(s->argv,
	    (size_t)(s->argc + 2) * sizeof *s->argv);
	s->argv[s->argc++] = arg;
	s->argv[s->argc] = NULL;
}

/*
 * "-vox=y" as "-v", "-o" and the start of what belongs to -o, which may be
 * empty; NULL if the word is no such thing.  Behind a letter that takes a
 * value itself an 'o' is none of ours.
 */
static char *
split_o(struct service *s, char *word)
{
	char *o = word + 1 + strspn(word + 1, "dDlSuvVz");

	if (*word != '-' || *o != 'o')
		return NULL;
	if (o > word + 1) {
		*o = '\0';
		add_argument(s, mem_strdup(word));
	}
	add_argument(s, mem_strdup("-o"));
	return o + 1;
}

static bool
add_arguments(struct parser *p, struct service *s, char *rest)
{
	char *word, *text;
	bool  options = true, after_o = false;

	while ((word = text_word(&rest, " \t\r", true)) != NULL) {
		if (s->argc >= ARGS_MAX)
			return conf_fail(p->ret_why, NULL, "%s, line %d: more "
			    "than %d arguments", p->path, p->line, ARGS_MAX);
		if (!after_o && s->argc > 0) {
			options = options && *word == '-' &&
			    !text_eq(word, "--");
			text = options ? split_o(s, word) : NULL;
			after_o = text != NULL;
			if (after_o && *text == '\0')
				continue;
			if (after_o)
				word = text;
		}
		text = *word == '{' && s->argc > 0 ? unbrace(p, word) :
		    mem_strdup(word);
		if (after_o && *word == '{')
			text = tidy_option(p, text);
		add_argument(s, text);
		after_o = false;
	}
	return true;
}

static bool
parse_names(struct parser *p, struct service *s, char *rest)
{
	char *word;

	for (int i = 0; i < 2; i++) {
		if ((word = text_word(&rest, " \t\r", true)) == NULL)
			return conf_fail(p->ret_why, NULL, "file %s: line %d: "
			    "specify service name and type on the same line",
			    p->path, p->line);
		s->fields[i] = mem_strdup(word);
	}
	return true;
}

static bool
parse_service(struct parser *p, struct service *s, char *line)
{
	char *rest = line, *word, *last;

	s->line = p->line;
	s->from = p->from;
	s->to = p->to;
	if (p->names_only)
		return parse_names(p, s, line);
	for (int i = 0; i < COLUMNS - 1; i++) {
		if ((word = text_word(&rest, " \t\r", true)) == NULL)
			return bad_count(p);
		s->fields[i] = mem_strdup(word);
	}
	last = rest == NULL ? NULL : rest + strspn(rest, " \t\r");
	if (last == NULL || *last == '\0')
		return bad_count(p);
	s->fields[7] = mem_strdup(last);
	s->name = mem_strdup(s->fields[0]);
	if (!set_type(p, s) ||
	    !set_yes_no(p, "private", s->fields[2], true, &s->is_private) ||
	    !set_yes_no(p, "unprivileged", s->fields[3], true,
		&s->unprivileged) ||
	    !set_chroot(p, s) ||
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

/* "25", "[127.0.0.1]:2525", "private/bounce" */
static void
add_endpoint(struct buf *b, const struct service *s)
{
	const char	     *colon = strrchr(s->name, ':');
	const char	     *port = colon == NULL ? s->name : colon + 1;
	const struct servent *known;

	if (s->type != SERVICE_INET) {
		buf_addf(b, "%s/%s", s->is_private ? "private" : "public",
		    s->name);
		return;
	}
	if (colon != NULL && *s->name == '[')
		buf_addf(b, "%.*s:", (int)(colon - s->name), s->name);
	else if (colon != NULL)
		buf_addf(b, "[%.*s]:", (int)(colon - s->name), s->name);
	known = getservbyname(port, "tcp");
	if (known != NULL)
		buf_addf(b, "%u", (unsigned)ntohs((uint16_t)known->s_port));
	else
		buf_adds(b, port);
}

static void
note_duplicate(struct parser *p, const struct service *s)
{
	struct buf endpoint = BUF_INIT;

	add_endpoint(&endpoint, s);
	note(p, "duplicate master.cf entry for service \"%s\" (%s) -- using"
	    " the last entry", s->name, endpoint.data);
	buf_done(&endpoint);
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
	if (!p->keep_all && (other = find(t, s->name, s->type)) != NULL) {
		note_duplicate(p, s);
		service_done(other);
		*other = *s;
	} else {
		t->count++;
	}
	return true;
}

static bool
parse(struct parser *p, struct service_table *ret, const struct buf *content)
{
	struct buf   line = BUF_INIT, notes;
	struct lines l;
	bool	     ok = true;

	*ret = (struct service_table){ .notes = BUF_INIT };
	if (memchr(content->data, '\0', content->len) != NULL)
		return conf_fail(p->ret_why, "remove them",
		    "%s: the file has NUL bytes in it", p->path);
	p->notes = &ret->notes;
	lines_init(&l, content->data, content->len);
	while (ok && lines_next(&l, &line)) {
		p->line = l.first;
		p->text = line.data;
		if (l.indented) {
			note(p, "%s: logical line must not start with "
			    "whitespace: \"%s\"", p->path, line.data);
			continue;
		}
		p->from = (size_t)(l.from - content->data);
		p->to = (size_t)(l.to - content->data);
		ok = add_service(p, ret, line.data);
	}
	buf_done(&line);
	if (!ok) {
		notes = ret->notes;
		ret->notes = (struct buf)BUF_INIT;
		master_cf_done(ret);
		ret->notes = notes;
	}
	return ok;
}

bool
master_cf_parse(struct service_table *ret, const char *path,
    const struct buf *content, int default_process_limit,
    const char **ret_why)
{
	struct parser p = { .path = path, .ret_why = ret_why };

	p.default_limit = default_process_limit;
	return parse(&p, ret, content);
}

bool
master_cf_parse_names(struct service_table *ret, const char *path,
    const struct buf *content, const char **ret_why)
{
	struct parser p = { .path = path, .ret_why = ret_why };

	p.keep_all = p.names_only = true;
	return parse(&p, ret, content);
}

bool
master_cf_parse_all(struct service_table *ret, const char *path,
    const struct buf *content, const char **ret_why)
{
	struct parser p = { .path = path, .ret_why = ret_why };

	p.keep_all = true;
	return parse(&p, ret, content);
}

bool
master_cf_read(struct service_table *ret, const char *path,
    int default_process_limit, const char **ret_why)
{
	struct buf content = BUF_INIT;
	bool	   ok;

	if (file_read(path, FILE_MAX, &content))
		ok = master_cf_parse(ret, path, &content,
		    default_process_limit, ret_why);
	else
		ok = conf_fail(ret_why, NULL, "open %s: %s", path,
		    strerror(errno));
	buf_done(&content);
	return ok;
}

void
master_cf_warn(const struct service_table *t)
{
	char *copy = mem_strdup(t->notes.data), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0')
		log_warn("%s", line);
	mem_free(copy);
}

void
master_cf_done(struct service_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		service_done(&t->services[i]);
	mem_free(t->services);
	buf_done(&t->notes);
	*t = (struct service_table){ .notes = BUF_INIT };
}

const struct service *
master_cf_find(const struct service_table *t, const char *name,
    enum service_type type)
{
	return find(t, name, type);
}

static const char *
next_option(const struct service *s, int *i)
{
	const char *word;

	if (*i == 0)
		*i = 1;
	while (*i < s->argc) {
		word = s->argv[*i];
		if (*word != '-' || word[1] == '\0' || text_eq(word, "--"))
			break;
		++*i;
		if (text_eq(word, "-o") && *i < s->argc)
			return s->argv[(*i)++];
	}
	return NULL;
}

/* Do the options from `i` on set the same name? */
static bool
is_overridden(const struct service *s, int i, const char *option)
{
	size_t	    len = strcspn(option, "=");
	const char *later;

	while ((later = next_option(s, &i)) != NULL)
		if (strncmp(later, option, len) == 0 && later[len] == '=')
			return true;
	return false;
}

const char *
service_option(const struct service *s, int *i)
{
	const char *option;

	do
		option = next_option(s, i);
	while (option != NULL &&
	    (*option == '=' || is_overridden(s, *i, option)));
	return option;
}
