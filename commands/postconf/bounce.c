/*
 * The texts of notifications, as the bounce service would use them: -t shows
 * templates as a file would have them, -b what becomes of them.
 */

#include <stdio.h>
#include <string.h>

#include "commands/postconf/postconf.h"
#include "conf/conf.h"
#include "mail/bounce_template.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static void
warn(const char *text)
{
	log_warn("%s", text);
}

static bool missing;	/* a name that value() was asked for */

static const char *
value(const char *name)
{
	const char *text = conf_text(name);

	missing = missing || text == NULL;
	return text;
}

static const char *
default_from(void)
{
	return text_eq(conf_mail.header_from_format, "obsolete") ?
	    "MAILER-DAEMON (Mail Delivery System)" :
	    "Mail Delivery System <MAILER-DAEMON>";
}

static void
print_text(const char *text)
{
	size_t n = strlen(text);

	fputs(text, stdout);
	if (n > 0 && text[n - 1] != '\n')
		putchar('\n');
	puts("EOF");
}

static void
show_template(const struct bounce_template *t)
{
	printf("%s_template = <<EOF\nCharset: %s\nFrom: %s\nSubject: %s\n",
	    t->name, t->charset, t->from != NULL ? t->from : default_from(),
	    t->subject);
	if (t->postmaster_subject != NULL)
		printf("Postmaster-Subject: %s\n", t->postmaster_subject);
	putchar('\n');
	print_text(t->text);
}

static bool
is_defined(const struct bounce_template *t, const char *name)
{
	const struct bounce_template_values v = { .value = value };
	struct bounce_template one = *t;
	struct buf	       out = BUF_INIT;
	char		      *text = mem_printf("${%s}", name);
	const char	      *why;

	one.text = text;
	missing = false;
	bounce_template_expand(&out, &one, &v, &why);
	buf_done(&out);
	mem_free(text);
	return !missing;
}

/* A misspelt name would leave a hole in every notification.  ${name?text}
 * and ${name:text} ask whether there is one, and may. */
static void
check_names_in(const struct bounce_template *t)
{
	const char *p = t->text, *line;
	char	   *name;
	size_t	    n;

	while ((p = strchr(p, '$')) != NULL) {
		if (*++p == '$') {
			p++;
			continue;
		}
		p += *p == '{' || *p == '(';
		n = strspn(p, "abcdefghijklmnopqrstuvwxyz_0123456789"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		name = mem_strndup(p, n);
		p += n;
		if (n > 0 && *p != '?' && *p != ':' && !is_defined(t, name)) {
			line = memrchr(t->text, '\n', (size_t)(p - t->text));
			line = line != NULL ? line + 1 : t->text;
			fatalx("%s: undefined $name in %s template: %.*s",
			    t->origin, t->name, (int)strcspn(line, "\n"), line);
		}
		mem_free(name);
	}
}

static void
show_expanded(const struct bounce_template *t)
{
	const struct bounce_template_values v = {
		.value = value,
		.delay_warning_seconds = conf_mail.delay_warning_time,
		.queue_lifetime_seconds = conf_mail.maximal_queue_lifetime,
		.utf8 = conf_mail.smtputf8_enable, .warn = warn,
	};
	struct buf  out = BUF_INIT;
	const char *why;

	check_names_in(t);
	if (!bounce_template_expand(&out, t, &v, &why))
		fatalx("%s: %s template: %s", t->origin, t->name, why);
	printf("expanded_%s_text = <<EOF\n", t->name);
	print_text(out.data);
	buf_done(&out);
}

void
bounce_show(char **files)
{
	struct bounce_templates set;
	const char *path, *why;
	struct buf  wrong = BUF_INIT;
	char	   *tag;

	if (files[0] != NULL && files[1] != NULL)
		fatalx("options -b and -t require at most one template file");
	if (!conf_read(&why) || !conf_load(&param_mail, &why)) {
		conf_warn_read();
		fatalx("%s", why);
	}
	conf_warn_read();
	/* It is the bounce service that speaks of its texts. */
	tag = mem_printf("%s/bounce", conf_mail.syslog_name);
	log_set_name(tag);
	mem_free(tag);
	bounce_templates_init(&set, warn);
	path = files[0] != NULL ? files[0] : conf_mail.bounce_template_file;
	if (*path != '\0' && !bounce_templates_read(&set, path, &wrong))
		fatalx("%s", wrong.data);
	for (int i = 0; i < TEMPLATE_COUNT; i++)
		bounce_template_get(&set, i);
	for (int i = 0; i < TEMPLATE_COUNT; i++) {
		if (i > 0)
			putchar('\n');
		if (HAS('b'))
			show_expanded(&set.t[i]);
		else
			show_template(&set.t[i]);
	}
	bounce_templates_done(&set);
	buf_done(&wrong);
}
