#include <errno.h>
#include <string.h>

#include "commands/postconf/postconf.h"
#include "conf/audit.h"
#include "conf/conf.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum { FILE_MAX = 16 * 1024 * 1024 };

void
check_read_services(void)
{
	char	   *path = mem_printf("%s/master.cf", conf_dir());
	const char *why;

	if (!file_read(path, FILE_MAX, &postconf.master_cf)) {
		log_warn("open %s: %s", path, strerror(errno));
		mem_free(path);
		return;
	}
	if (!master_cf_parse_all(&postconf.services, path,
	    &postconf.master_cf, &why)) {
		master_cf_warn(&postconf.services);
		fatalx("%s", why);
	}
	master_cf_warn(&postconf.services);
	mem_free(path);
}

/* --- names */

static bool
is_shown(const struct finding *f)
{
	bool of_main_cf = HAS('M') || HAS('F') || HAS('P');

	if (f->kind != FINDING_UNUSED && f->kind != FINDING_OLD)
		return true;
	return !HAS('q') && (!of_main_cf ||
	    !text_ends_nocase(f->file, "/main.cf"));
}

/* " (line 12: did you mean \"x\"?)" after what Postfix says. */
static const char *
hint(const struct finding *f)
{
	static struct buf out = BUF_INIT;

	buf_clear(&out);
	if (f->nearest != NULL && f->line > 0)
		buf_addf(&out, " (line %d: did you mean \"%s\"?)", f->line,
		    f->nearest);
	return out.data;
}

static void
report(void *arg, const struct finding *f)
{
	(void)arg;
	if (!is_shown(f))
		return;
	switch (f->kind) {
	case FINDING_UNUSED:
		log_warn("%s: unused parameter: %s=%s%s", f->file, f->name,
		    f->text, hint(f));
		break;
	case FINDING_UNDEFINED:
		log_warn("%s: undefined parameter: %s%s", f->file, f->name,
		    hint(f));
		break;
	case FINDING_SYNTAX:
		log_warn("%s", f->text);
		break;
	case FINDING_OLD:
		log_warn("%s: support for parameter \"%s\" will be removed; "
		    "instead, %s", f->file, f->name, f->text);
		break;
	case FINDING_NO_FILE:
		log_warn("open \"%s\" configuration \"%s\": %s", f->name,
		    strchr(f->file, ':') + 1, f->text);
		break;
	case FINDING_BAD_LINE:
		log_warn("%s, line %d: %s: \"%s\"", f->file, f->line, f->text,
		    f->name);
		break;
	}
}

void
check_names(void)
{
	audit_names(&postconf.names, &postconf.services, report, NULL);
}

/* --- values */

static void bad_macro(const char *why, const char *prefix)
    __attribute__((noreturn));

static void
bad_macro(const char *why, const char *prefix)
{
	log_warn("%s", why);
	fatalx("%smacro processing error", prefix);
}

char *
check_expanded(const char *text, conf_get_fn *get, void *arg)
{
	struct buf  out = BUF_INIT;
	const char *why;

	if (!conf_expand(&out, text, get, arg, &why))
		bad_macro(why, "");
	return buf_take(&out);
}

/* Not every name of main.cf: what nothing reads may be as it likes. */
static void
check_value(void *arg, const char *name, const char *text, int line)
{
	const struct param *p = param_find(name);

	(void)arg;
	(void)line;
	if ((p == NULL || p->type != PARAM_RAW) &&
	    names_known(&postconf.names, name) &&
	    !names_table_param(&postconf.names, name))
		mem_free(check_expanded(text, NULL, NULL));
}

static void
check_option_values(struct service *s)
{
	const struct param *p;
	const char	   *option, *equals;
	char		   *name;

	for (int i = 0; (option = service_option(s, &i)) != NULL;) {
		if ((equals = strchr(option, '=')) == NULL)
			continue;
		name = mem_strndup(option, (size_t)(equals - option));
		p = param_find(name);
		if (p != NULL && p->type != PARAM_RAW)
			mem_free(check_expanded(equals + 1, services_value,
			    s));
		mem_free(name);
	}
}

void
check_values(void)
{
	struct buf  out = BUF_INIT;
	const char *why;

	mem_free(check_expanded("${{$compatibility_level} <level {1}}", NULL,
	    NULL));
	/* Every program needs these two. */
	if (!conf_expand(&out, "$myhostname $mydomain", NULL, NULL, &why))
		bad_macro(why, "dictionary mail_dict: ");
	buf_done(&out);
	audit_references(&postconf.names, &postconf.services, report, NULL);
	conf_each(check_value, NULL);
	for (size_t i = 0; i < postconf.services.count; i++)
		check_option_values(&postconf.services.services[i]);
}
