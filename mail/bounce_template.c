#include "mail/bounce_template.h"

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
bounce_templates_init(struct bounce_templates *set)
{
	memcpy(set->t, built_in, sizeof built_in);
	set->file = NULL;
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
	char		*pos;
	const char	*origin;
	int		 line;		/* that was read last, from 1 */
	void		(*warn)(const char *text);
	struct buf	*why;
};

static void warn(const struct reader *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
warn(const struct reader *r, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list	   ap;

	if (r->warn == NULL)
		return;
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	r->warn(b.data);
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
	warn(r, "%s, line %d: missing \"%s\" end marker", r->origin,
	    r->line + 1, end);
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
take_header(const struct reader *r, struct bounce_template *t, char *line)
{
	char	    *colon = strchr(line, ':'), *value;
	const char **slot;

	*colon = '\0';
	value = text_trim(colon + 1);
	slot = header_slot(t, line);
	if (slot == NULL) {
		warn(r, "%s: unknown \"%s\" header label in %s template -- "
		    "ignoring this template", r->origin, line, t->name);
		return false;
	}
	if (!text_is_ascii(value, strlen(value))) {
		warn(r, "%s: non-ASCII \"%s\" header value in %s template -- "
		    "ignoring this template", r->origin, line, t->name);
		return false;
	}
	*slot = value;
	return true;
}

static bool
has_good_text(const struct reader *r, const struct bounce_template *t)
{
	if (*t->text == '\0') {
		warn(r, "%s: missing message text in %s template -- ignoring "
		    "this template", r->origin, t->name);
		return false;
	}
	if (!text_is_ascii(t->text, strlen(t->text)) &&
	    text_eq_nocase(t->charset, "us-ascii")) {
		warn(r, "%s: 8-bit message text in %s template", r->origin,
		    t->name);
		warn(r, "please specify a charset value other than us-ascii");
		warn(r, "-- ignoring this template for now");
		return false;
	}
	return true;
}

/* Headers, perhaps an empty line, text. */
static void
take_template(const struct reader *r, struct bounce_template *t, char *block)
{
	struct bounce_template new = *t;
	char		      *nl;

	new.origin = r->origin;
	while (is_header(block)) {
		nl = strchr(block, '\n');
		if (nl != NULL)
			*nl = '\0';
		if (!take_header(r, &new, block))
			return;
		block = nl != NULL ? nl + 1 : strchr(block, '\0');
	}
	if (*block == '\n')
		block++;
	new.text = block;
	if (has_good_text(r, &new))
		*t = new;
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
take_entry(struct reader *r, struct bounce_templates *set, char *line,
    char *blocks[TEMPLATE_COUNT])
{
	char		       *equals = strchr(line, '='), *name, *value;
	struct bounce_template *t;
	int			at = r->line;

	if (equals == NULL) {
		buf_addf(r->why, "%s, line %d: missing '=' after attribute "
		    "name: \"%s\"; write \"failure_template = <<EOF\"",
		    r->origin, at, line);
		return false;
	}
	*equals = '\0';
	name = text_trim(line);
	value = text_trim(equals + 1);
	if (text_starts(value, "<<")) {
		value = text_trim(value + 2);
		if (*value == '\0') {
			buf_addf(r->why, "%s, line %d: missing end marker "
			    "after <<", r->origin, at);
			return false;
		}
		value = take_block(r, value);
	}
	t = find_template(set, name);
	if (t == NULL)
		warn(r, "%s, line %d: unknown template name: %s -- ignoring "
		    "this template", r->origin, at, name);
	else
		blocks[t - set->t] = value;
	return true;
}

bool
bounce_templates_parse(struct bounce_templates *set, char *text,
    const char *origin, void (*warn_fn)(const char *), struct buf *why)
{
	struct bounce_templates	new = *set;
	struct reader r = {
		.pos = text, .origin = origin, .warn = warn_fn, .why = why,
	};
	char *line, *blocks[TEMPLATE_COUNT] = { NULL };

	while ((line = next_line(&r)) != NULL) {
		line = text_trim(line);
		if (*line == '\0' || *line == '#')
			continue;
		if (!take_entry(&r, &new, line, blocks))
			return false;
	}
	for (int i = 0; i < TEMPLATE_COUNT; i++)
		if (blocks[i] != NULL)
			take_template(&r, &new.t[i], blocks[i]);
	*set = new;
	return true;
}

bool
bounce_templates_read(struct bounce_templates *set, const char *path,
    void (*warn_fn)(const char *), struct buf *why)
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
	if (!bounce_templates_parse(set, text, path, warn_fn, why)) {
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
};

static const struct unit {
	const char	*name;
	int		 seconds;
} units[] = {
	{ "seconds", 1 }, { "minutes", 60 }, { "hours", 3600 },
	{ "days", 86400 }, { "weeks", 604800 },
};

static void
warn_of_zero(const struct expansion *e, const char *name, const char *unit)
{
	struct buf b = BUF_INIT;

	if (e->v->warn == NULL)
		return;
	buf_addf(&b, "%s: zero result in %s template conversion of parameter "
	    "\"%s\"", e->t->origin, e->t->name, name);
	e->v->warn(b.data);
	buf_clear(&b);
	buf_addf(&b, "please reduce time unit \"%s\" of \"%s\" in %s template",
	    unit, name, e->t->name);
	e->v->warn(b.data);
	e->v->warn("for instructions see the bounce(5) manual");
	buf_done(&b);
}

static const char *
get_value(void *arg, const char *name)
{
	static const char *const times[2] = {
		"delay_warning_time_", "maximal_queue_lifetime_",
	};
	struct expansion *e = arg;

	for (int i = 0; i < 2; i++) {
		const char *unit = name + strlen(times[i]);
		int seconds = i == 0 ? e->v->delay_warning_seconds :
		    e->v->queue_lifetime_seconds;

		if (!text_starts(name, times[i]))
			continue;
		for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
			if (!text_eq(unit, units[u].name))
				continue;
			if (seconds > 0 && seconds < units[u].seconds)
				warn_of_zero(e, name, unit);
			snprintf(e->number[i], sizeof e->number[i], "%d",
			    seconds / units[u].seconds);
			return e->number[i];
		}
	}
	return e->v->value(name);
}

bool
bounce_template_expand(struct buf *out, const struct bounce_template *t,
    const struct bounce_template_values *v, const char **ret_why)
{
	struct expansion e = { .t = t, .v = v };

	return conf_expand(out, t->text, get_value, &e, ret_why);
}
