#include "mail/bounce_template.h"

#include <errno.h>
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

/* The next line without its end, or NULL. */
static char *
next_line(char **p, int *number)
{
	char *line = *p, *nl;

	if (*line == '\0')
		return NULL;
	++*number;
	nl = strchr(line, '\n');
	if (nl != NULL) {
		*nl = '\0';
		*p = nl + 1;
	} else {
		*p = line + strlen(line);
	}
	return line;
}

static bool
take_header(struct bounce_template *t, char *line)
{
	char *colon = strchr(line, ':'), *value;

	if (colon == NULL)
		return false;
	*colon = '\0';
	value = text_trim(colon + 1);
	line = text_trim(line);
	if (!text_is_ascii(value, strlen(value)))
		return false;
	if (text_eq_nocase(line, "charset"))
		t->charset = value;
	else if (text_eq_nocase(line, "from"))
		t->from = value;
	else if (text_eq_nocase(line, "subject"))
		t->subject = value;
	else if (text_eq_nocase(line, "postmaster-subject"))
		t->postmaster_subject = value;
	else
		return false;
	return true;
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

/*
 * From after "<<EOF" to the line EOF: headers, an empty line, text.  The text
 * stays in place, so its lines get their ends back.
 */
static bool
take_template(struct bounce_template *t, char **p, int *number,
    const char *end, const char *origin, struct buf *why)
{
	char *line, *text = NULL;

	t->charset = "us-ascii";
	t->text = "";
	while ((line = next_line(p, number)) != NULL) {
		if (strcmp(line, end) == 0) {
			if (text != NULL) {
				*line = '\0';
				t->text = text;
			}
			t->origin = origin;
			return true;
		}
		if (text != NULL) {
			if (*p > line + strlen(line))
				line[strlen(line)] = '\n';
			continue;
		}
		if (*line == '\0') {
			text = *p;
			continue;
		}
		if (!take_header(t, line)) {
			buf_addf(why, "%s, line %d: not a template header; "
			    "expected Charset, From, Subject or "
			    "Postmaster-Subject, then an empty line", origin,
			    *number);
			return false;
		}
	}
	buf_addf(why, "%s: missing end of %s template: \"%s\"", origin,
	    t->name, end);
	return false;
}

bool
bounce_templates_parse(struct bounce_templates *set, char *text,
    const char *origin, struct buf *why)
{
	struct bounce_templates	new = *set;
	struct bounce_template *t;
	char		       *line, *equal, *mark;
	int			number = 0;

	while ((line = next_line(&text, &number)) != NULL) {
		line = text_trim(line);
		if (*line == '\0' || *line == '#')
			continue;
		mark = strstr(line, "<<");
		equal = strchr(line, '=');
		t = NULL;
		if (mark != NULL && equal != NULL && equal < mark) {
			*equal = '\0';
			t = find_template(&new, text_trim(line));
		}
		if (t == NULL) {
			buf_addf(why, "%s, line %d: expected "
			    "\"failure_template = <<EOF\" or one for delay, "
			    "success, verify", origin, number);
			return false;
		}
		mark = text_trim(mark + 2);
		if (!take_template(t, &text, &number, mark, origin, why))
			return false;
	}
	*set = new;
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
