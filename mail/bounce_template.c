#include "mail/bounce_template.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/mem.h"
#include "util/text.h"

enum { FILE_MAX = 1024 * 1024 };	/* bytes of a template file */

/* The texts are those that people's filters know. */
#define HELLO "This is the mail system at host $myhostname.\n\n"
#define GOODBYE "                   The mail system\n"
#define HELP \
	"For further assistance, please send mail to postmaster.\n\n" \
	"If you do so, please include this problem report. You can\n" \
	"delete your own text from the attached returned message.\n\n"
#define LINE_OF_68 \
	"##################################" \
	"##################################\n"

static const struct bounce_template built_in[TEMPLATE_COUNT] = {
	[TEMPLATE_FAILURE] = {
		.name = "failure",
		.subject = "Undelivered Mail Returned to Sender",
		.postmaster_subject = "Postmaster Copy: Undelivered Mail",
		.text = HELLO
		    "I'm sorry to have to inform you that your message could "
		    "not\nbe delivered to one or more recipients. It's "
		    "attached below.\n\n" HELP GOODBYE,
	},
	[TEMPLATE_DELAY] = {
		.name = "delay",
		.subject = "Delayed Mail (still being retried)",
		.postmaster_subject = "Postmaster Warning: Delayed Mail",
		.text = HELLO LINE_OF_68
		    "# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND "
		    "YOUR MESSAGE. #\n" LINE_OF_68
		    "\nYour message could not be delivered for more than "
		    "$delay_warning_time_hours hour(s).\nIt will be retried "
		    "until it is $maximal_queue_lifetime_days day(s) old.\n\n"
		    HELP GOODBYE,
	},
	[TEMPLATE_SUCCESS] = {
		.name = "success",
		.subject = "Successful Mail Delivery Report",
		.text = HELLO
		    "Your message was successfully delivered to the "
		    "destination(s)\nlisted below. If the message was "
		    "delivered to mailbox you will\nreceive no further "
		    "notifications. Otherwise you may still receive\n"
		    "notifications of mail delivery errors from other "
		    "systems.\n\n" GOODBYE,
	},
	[TEMPLATE_VERIFY] = {
		.name = "verify",
		.subject = "Mail Delivery Status Report",
		.text = HELLO
		    "Enclosed is the mail delivery report that you "
		    "requested.\n\n" GOODBYE,
	},
};

void
bounce_templates_init(struct bounce_templates *set,
    bounce_template_warn_fn *warn_fn)
{
	*set = (struct bounce_templates){ .warn = warn_fn };
	memcpy(set->t, built_in, sizeof built_in);
	for (int i = 0; i < TEMPLATE_COUNT; i++) {
		set->t[i].origin = "[built-in]";
		set->t[i].charset = "us-ascii";
	}
}

void
bounce_templates_done(struct bounce_templates *set)
{
	mem_free(set->file);
	set->file = NULL;
}

/* --- reading */

struct reader {
	char			*pos;
	int			 line;	/* behind the one that was read last,
					   from 1: as Postfix counts */
	struct bounce_templates	*set;
	struct buf		*why;
};

static void warn(bounce_template_warn_fn *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
warn(bounce_template_warn_fn *fn, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list	   ap;

	if (fn == NULL)
		return;
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	fn(b.data);
	buf_done(&b);
}

/* The next line without its end, or NULL. */
static char *
next_line(struct reader *r)
{
	char *line = r->pos, *nl;

	if (*line == '\0')
		return NULL;
	r->line++;
	nl = strchr(line, '\n');
	if (nl != NULL) {
		*nl = '\0';
		r->pos = nl + 1;
	} else {
		r->pos = line + strlen(line);
	}
	return line;
}

/*
 * What stands between this line and the line `end`, as one string in place.
 * A file that ends too early is told of, and what it has is taken.
 */
static char *
take_block(struct reader *r, const char *end)
{
	char *block = r->pos, *line, *stop = r->pos;

	while ((line = next_line(r)) != NULL) {
		if (strcmp(line, end) == 0) {
			*stop = '\0';
			return block;
		}
		stop = r->pos;
		if (stop[-1] == '\0' && stop > line + strlen(line))
			stop[-1] = '\n';
	}
	warn(r->set->warn, "%s, line %d: missing \"%s\" end marker",
	    r->set->origin, r->line, end);
	*stop = '\0';
	return block;
}

static const char **
header_slot(struct bounce_template *t, const char *label)
{
	if (text_eq_nocase(label, "charset"))
		return &t->charset;
	if (text_eq_nocase(label, "from"))
		return &t->from;
	if (text_eq_nocase(label, "subject"))
		return &t->subject;
	if (text_eq_nocase(label, "postmaster-subject"))
		return &t->postmaster_subject;
	return NULL;
}

/* "Label: value"; the first line that is none begins the text. */
static bool
is_header(const char *line)
{
	size_t n = strcspn(line, ": \t\n");

	return n > 0 && line[n] == ':';
}

/* False: not to be used; a warning has said why. */
static bool
take_header(const struct bounce_templates *set, struct bounce_template *t,
    char *line)
{
	char	    *colon = strchr(line, ':'), *value;
	const char **slot;

	*colon = '\0';
	value = text_trim(colon + 1);
	slot = header_slot(t, line);
	if (slot == NULL) {
		warn(set->warn, "%s: unknown \"%s\" header label in %s "
		    "template -- ignoring this template", t->origin, line,
		    t->name);
		return false;
	}
	if (!text_is_ascii(value, strlen(value))) {
		warn(set->warn, "%s: non-ASCII \"%s\" header value in %s "
		    "template -- ignoring this template", t->origin, line,
		    t->name);
		return false;
	}
	*slot = value;
	return true;
}

static bool
has_good_text(const struct bounce_templates *set,
    const struct bounce_template *t)
{
	if (*t->text == '\0') {
		warn(set->warn, "%s: missing message text in %s template -- "
		    "ignoring this template", t->origin, t->name);
		return false;
	}
	if (!text_is_ascii(t->text, strlen(t->text)) &&
	    text_eq_nocase(t->charset, "us-ascii")) {
		warn(set->warn, "%s: 8-bit message text in %s template",
		    t->origin, t->name);
		warn(set->warn, "please specify a charset value other than "
		    "us-ascii");
		warn(set->warn, "-- ignoring this template for now");
		return false;
	}
	return true;
}

/* Headers, perhaps an empty line, text. */
static void
take_template(const struct bounce_templates *set, struct bounce_template *t,
    char *block)
{
	struct bounce_template new = *t;
	char		      *nl;

	new.origin = set->origin;
	while (is_header(block)) {
		nl = strchr(block, '\n');
		if (nl != NULL)
			*nl = '\0';
		if (!take_header(set, &new, block))
			return;
		block = nl != NULL ? nl + 1 : strchr(block, '\0');
	}
	if (*block == '\n')
		block++;
	new.text = block;
	if (has_good_text(set, &new))
		*t = new;
}

const struct bounce_template *
bounce_template_get(struct bounce_templates *set, enum bounce_template_type type)
{
	if (set->blocks[type] != NULL)
		take_template(set, &set->t[type], set->blocks[type]);
	set->blocks[type] = NULL;
	return &set->t[type];
}

static struct bounce_template *
find_template(struct bounce_templates *set, const char *name)
{
	static const char suffix[] = "_template";

	for (int i = 0; i < TEMPLATE_COUNT; i++) {
		size_t n = strlen(set->t[i].name);

		if (strncmp(name, set->t[i].name, n) == 0 &&
		    strcmp(name + n, suffix) == 0)
			return &set->t[i];
	}
	return NULL;
}

/* "name = <<END", or the whole text in one line: it goes to `blocks`. */
static bool
take_entry(struct reader *r, char *line, char *blocks[TEMPLATE_COUNT])
{
	char		       *equals = strchr(line, '='), *name, *value;
	struct bounce_template *t;

	if (equals == NULL) {
		buf_addf(r->why, "%s, line %d: missing '=' after attribute "
		    "name: \"%s\"", r->set->origin, r->line, line);
		return false;
	}
	*equals = '\0';
	name = text_trim(line);
	value = text_trim(equals + 1);
	if (text_starts(value, "<<")) {
		value = text_trim(value + 2);
		if (*value == '\0') {
			buf_addf(r->why, "%s, line %d: missing end marker "
			    "after <<", r->set->origin, r->line);
			return false;
		}
		value = take_block(r, value);
	}
	t = find_template(r->set, name);
	if (t == NULL)
		warn(r->set->warn, "%s, line %d: unknown template name: %s -- "
		    "ignoring this template", r->set->origin, r->line, name);
	else
		blocks[t - r->set->t] = value;
	return true;
}

bool
bounce_templates_parse(struct bounce_templates *set, char *text,
    const char *origin, struct buf *why)
{
	struct reader r = { .pos = text, .line = 1, .set = set, .why = why };
	char *line, *blocks[TEMPLATE_COUNT] = { NULL };

	set->origin = origin;
	while ((line = next_line(&r)) != NULL) {
		line = text_trim(line);
		if (*line == '\0' || *line == '#')
			continue;
		if (!take_entry(&r, line, blocks))
			return false;
	}
	memcpy(set->blocks, blocks, sizeof blocks);
	return true;
}

bool
bounce_templates_read(struct bounce_templates *set, const char *path,
    struct buf *why)
{
	struct buf b = BUF_INIT;
	char	  *text;

	if (!file_read(path, FILE_MAX, &b)) {
		buf_addf(why, "open %s: %s", path, strerror(errno));
		buf_done(&b);
		return false;
	}
	if (memchr(b.data, '\0', b.len) != NULL) {
		buf_addf(why, "%s: the file has NUL bytes in it", path);
		buf_done(&b);
		return false;
	}
	text = buf_take(&b);
	if (!bounce_templates_parse(set, text, path, why)) {
		mem_free(text);
		return false;
	}
	mem_free(set->file);
	set->file = text;
	return true;
}

/* --- expanding */

struct expansion {
	const struct bounce_template		*t;
	const struct bounce_template_values	*v;
	char					 number[2][32];
	struct buf				 domain[2];
};

static const struct unit {
	const char	*name;
	int		 seconds;
} units[] = {
	{ "seconds", 1 }, { "minutes", 60 }, { "hours", 3600 },
	{ "days", 86400 }, { "weeks", 604800 },
};

enum { LONG_NUMBER = 1000, DAY = 86400 };

static void
warn_of_unit(const struct expansion *e, const char *name,
    const struct unit *unit, long result)
{
	bool is_zero = result == 0;

	if (is_zero)
		warn(e->v->warn, "%s: zero result in %s template conversion of "
		    "parameter \"%s\"", e->t->origin, e->t->name, name);
	else
		warn(e->v->warn, "%s: excessive result \"%ld\" in %s template "
		    "conversion of parameter \"%s\"", e->t->origin, result,
		    e->t->name, name);
	warn(e->v->warn, "please %s time unit \"%s\" of \"%s\" in %s template",
	    is_zero ? "reduce" : "increase", unit->name, name, e->t->name);
	warn(e->v->warn, "for instructions see the bounce(5) manual");
}

/* "delay_warning_time_hours", by what stands behind the parameter's name. */
static const char *
time_value(struct expansion *e, const char *name, const char *suffix, int which)
{
	long seconds = which == 0 ? e->v->delay_warning_seconds :
	    e->v->queue_lifetime_seconds, result;

	for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
		if (!text_eq(suffix, units[u].name))
			continue;
		result = seconds / units[u].seconds;
		if ((result == 0 && seconds > 0) ||
		    (result >= LONG_NUMBER && units[u].seconds < DAY))
			warn_of_unit(e, name, &units[u], result);
		snprintf(e->number[which], sizeof e->number[which], "%ld",
		    result);
		return e->number[which];
	}
	return e->v->value(name);
}

/* libidn2 is loaded by those few who need it. */
static bool
add_unicode(struct buf *out, const char *domain)
{
	static int (*to_unicode)(const char *, char **, int);
	static void (*free_unicode)(void *);
	void *lib;
	char *text = NULL;

	if (to_unicode == NULL &&
	    (lib = dlopen("libidn2.so.0", RTLD_NOW)) != NULL) {
		*(void **)&free_unicode = dlsym(lib, "idn2_free");
		*(void **)&to_unicode = dlsym(lib, "idn2_to_unicode_8z8z");
	}
	if (to_unicode == NULL || free_unicode == NULL ||
	    to_unicode(domain, &text, 0) != 0)
		return false;
	buf_set(out, text);
	free_unicode(text);
	return true;
}

/* People read their own letters, not "xn--". */
static const char *
domain_value(struct expansion *e, const char *name, struct buf *store)
{
	const char *domain = e->v->value(name);

	return domain != NULL && e->v->utf8 && strstr(domain, "xn--") != NULL &&
	    add_unicode(store, domain) ? store->data : domain;
}

static const char *
get_value(void *arg, const char *name)
{
	static const char *const times[2] = {
		"delay_warning_time_", "maximal_queue_lifetime_",
	};
	static const char *const domains[2] = { "myhostname", "mydomain" };
	struct expansion *e = arg;

	for (int i = 0; i < 2; i++) {
		if (text_starts(name, times[i]))
			return time_value(e, name, name + strlen(times[i]), i);
		if (text_eq(name, domains[i]))
			return domain_value(e, name, &e->domain[i]);
	}
	return e->v->value(name);
}

bool
bounce_template_expand(struct buf *out, const struct bounce_template *t,
    const struct bounce_template_values *v, const char **ret_why)
{
	struct expansion e = { .t = t, .v = v, .domain = { BUF_INIT, BUF_INIT } };
	bool		 ok = conf_expand(out, t->text, get_value, &e, ret_why);

	for (int i = 0; i < 2; i++)
		buf_done(&e.domain[i]);
	return ok;
}
