#include <errno.h>
#include <string.h>

#include "commands/postconf/postconf.h"
#include "conf/conf.h"
#include "conf/names.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/map.h"
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
	/* What is wrong in it matters only where its content is shown. */
	if (!master_cf_parse_all(&postconf.services, path,
	    &postconf.master_cf, &why)) {
		if (HAS('M') || HAS('F') || HAS('P')) {
			master_cf_warn(&postconf.services);
			fatalx("%s", why);
		}
		log_warn("%s", why);
	}
	master_cf_warn(&postconf.services);
	mem_free(path);
}

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

static void
check_value(void *arg, const char *name, const char *text, int line)
{
	const struct param *p = param_find(name);
	struct buf	    out = BUF_INIT;
	const char	   *why;

	(void)arg;
	(void)line;
	if (p != NULL && p->type == PARAM_RAW)
		return;
	if (!conf_expand(&out, text, NULL, NULL, &why)) {
		/* Once for the names in it, once for its value. */
		log_warn("%s", why);
		bad_macro(why, "");
	}
	buf_done(&out);
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
	conf_each(check_value, NULL);
}

/* --- names */

struct scan {
	const char	*file;
	struct map	*reported;
	const struct service *service;	/* or NULL */
};

static bool
defined_by(const struct service *s, const char *name, size_t len)
{
	const char *option;

	for (int i = 0; s != NULL &&
	    (option = service_option(s, &i)) != NULL;)
		if (strncmp(option, name, len) == 0 && option[len] == '=')
			return true;
	return false;
}

/* A warning for each $name that nothing defines. */
static void
check_references(struct scan *scan, const char *text)
{
	struct names found = { map_new(), map_new(), map_new() };
	const char  *name;

	names_scan(&found, text);
	for (size_t i = 0; i < map_count(found.referenced); i++) {
		name = map_at(found.referenced, i)->key;
		if (names_known(&postconf.names, name) ||
		    conf_is_set(name) ||
		    text_eq(name, "domain_to_ascii") ||
		    defined_by(scan->service, name, strlen(name)) ||
		    map_set(scan->reported, name, scan) != NULL)
			continue;
		log_warn("%s/%s: undefined parameter: %s", conf_dir(),
		    scan->file, name);
	}
	names_done(&found);
}

static bool
is_used(const char *name)
{
	return names_known(&postconf.names, name) ||
	    names_referenced(&postconf.names, name);
}

static void
check_entry(void *arg, const char *name, const char *text, int line)
{
	const struct param *p = param_find(name);

	if (line > 0 && !is_used(name) && !HAS('M') && !HAS('F') &&
	    !HAS('P') && !HAS('q'))
		log_warn("%s/main.cf: unused parameter: %s=%s", conf_dir(),
		    name, text);
	if (p == NULL || p->type != PARAM_RAW)
		check_references(arg, text);
}

static void
check_service(struct scan *scan, const struct service *s)
{
	const char *option, *equals;
	char	   *name;

	scan->service = s;
	for (int i = 0; (option = service_option(s, &i)) != NULL;) {
		if ((equals = strchr(option, '=')) == NULL)
			continue;
		name = mem_strndup(option, (size_t)(equals - option));
		/* A name with a space in it has had its warning. */
		if (!is_used(name) && strpbrk(name, " \t") == NULL &&
		    !HAS('q'))
			log_warn("%s/master.cf: unused parameter: %s",
			    conf_dir(), option);
		mem_free(name);
		check_references(scan, equals + 1);
	}
}

void
check_names(void)
{
	struct scan main_cf = { "main.cf", map_new(), NULL };
	struct scan master_cf = { "master.cf", map_new(), NULL };

	conf_each(check_entry, &main_cf);
	for (size_t i = 0; i < postconf.services.count; i++)
		check_service(&master_cf, &postconf.services.services[i]);
	map_free(main_cf.reported, NULL);
	map_free(master_cf.reported, NULL);
}
