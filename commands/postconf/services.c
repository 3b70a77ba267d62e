/*
 * Listing of master.cf: whole entries, their columns, their -o options.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/postconf/postconf.h"
#include "conf/conf.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static const char *const field_names[] = {
	"service", "type", "private", "unprivileged", "chroot", "wakeup",
	"process_limit", "command",
};

enum { FIELDS = sizeof field_names / sizeof *field_names };

int
services_field(const char *name)
{
	for (int i = 0; i < FIELDS; i++)
		if (text_eq(name, field_names[i]))
			return i;
	fatalx("invalid service attribute name: \"%s\"", name);
}

/* --- patterns */

static const char *
slice(const char *from, const char *to)
{
	return pool_strndup(&postconf.pool, from,
	    to != NULL ? (size_t)(to - from) : strlen(from));
}

void
pattern_parse(struct pattern *p, const char *text)
{
	const char *type = strchr(text, '/'), *item;

	*p = (struct pattern){ 0 };
	item = type != NULL ? strchr(type + 1, '/') : NULL;
	p->service = slice(text, type);
	p->type = type != NULL && type[1] != '\0' ? slice(type + 1, item) :
	    "*";
	p->has_item = item != NULL;
	p->item = item != NULL ? slice(item + 1, NULL) : "*";
}

static bool
fits(const char *pattern, const char *text)
{
	return text_eq(pattern, "*") || text_eq(pattern, text);
}

bool
pattern_has(const struct pattern *p, const struct service *s)
{
	return fits(p->service, s->fields[0]) && fits(p->type, s->fields[1]);
}

struct patterns {
	struct pattern	*list;
	size_t		 count;
	char		**texts;
};

static void
patterns_init(struct patterns *p, char **texts)
{
	static char  star[] = "*";
	static char *all[] = { star, NULL };

	p->texts = *texts != NULL ? texts : all;
	for (p->count = 0; p->texts[p->count] != NULL;)
		p->count++;
	p->list = mem_alloc(p->count * sizeof *p->list);
	for (size_t i = 0; i < p->count; i++)
		pattern_parse(&p->list[i], p->texts[i]);
}

static void
patterns_done(struct patterns *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (!p->list[i].used && !text_eq(p->texts[i], "*"))
			log_warn("unmatched request: \"%s\"", p->texts[i]);
	mem_free(p->list);
}

static bool
is_part(const char *text)
{
	return *text != '\0' && (text_eq(text, "*") ||
	    strchr(text, '*') == NULL);
}

void
services_check(char **texts)
{
	struct pattern p;

	for (; *texts != NULL; texts++) {
		pattern_parse(&p, *texts);
		if (!is_part(p.service) || !is_part(p.type) ||
		    !is_part(p.item) || strchr(p.item, '/') != NULL ||
		    (HAS('M') && !text_eq(p.item, "*")))
			fatalx(HAS('M') ?
			    "-M option requires service_name[/type]" :
			    HAS('F') ? "-F option requires "
			    "service_name[/type[/field]]" :
			    "-P option requires "
			    "service_name[/type[/parameter]]");
		if (HAS('F') && !text_eq(p.item, "*"))
			services_field(p.item);
	}
}

/* Does one of them name this item of the service? */
static bool
wanted(struct patterns *p, const struct service *s, const char *item)
{
	bool is = false;

	for (size_t i = 0; i < p->count; i++)
		if (pattern_has(&p->list[i], s) &&
		    (item == NULL || fits(p->list[i].item, item)))
			is = p->list[i].used = true;
	return is;
}

/* --- options */

const char *
services_value(void *arg, const char *name)
{
	const struct service *s = arg;
	const char	     *option;
	size_t		      len = strlen(name);

	for (int i = 0; (option = service_option(s, &i)) != NULL;)
		if (strncmp(option, name, len) == 0 && option[len] == '=')
			return option + len + 1;
	return text_eq(name, "service_name") ? s->name : conf_text(name);
}

/* The text of an option as it is shown. */
static char *
option_value(const struct service *s, const char *name, const char *text)
{
	if (!HAS('x') || params_is_raw(name))
		return mem_strdup(text);
	return check_expanded(text, services_value, (void *)(uintptr_t)s);
}

/* With -x: a copy of the service with its option values expanded. */
static struct service
expanded(const struct service *s)
{
	struct service copy = *s;
	char	      *value, *equals, *name;

	copy.argv = pool_zalloc(&postconf.pool,
	    (size_t)(s->argc + 1) * sizeof *copy.argv);
	for (int i = 0; i < s->argc; i++) {
		copy.argv[i] = s->argv[i];
		equals = strchr(s->argv[i], '=');
		if (!HAS('x') || i == 0 || !text_eq(s->argv[i - 1], "-o") ||
		    equals == NULL)
			continue;
		name = mem_strndup(s->argv[i], (size_t)(equals - s->argv[i]));
		value = option_value(s, name, equals + 1);
		mem_free(name);
		copy.argv[i] = pool_printf(&postconf.pool, "%.*s=%s",
		    (int)(equals - s->argv[i]), s->argv[i], value);
		mem_free(value);
	}
	return copy;
}

/* --- listings */

/* The text of a column; `out` is cleared. */
static const char *
field_text(struct buf *out, const struct service *s, int field)
{
	struct service x;

	buf_clear(out);
	if (field < FIELDS - 1) {
		buf_adds(out, s->fields[field]);
	} else {
		x = expanded(s);
		show_command(out, &x, false);
	}
	return out->data;
}

static void
add_json_service(struct buf *out, const struct service *s)
{
	struct buf text = BUF_INIT;

	for (int i = 0; i < FIELDS; i++)
		show_json_member(out, field_names[i], field_text(&text, s, i));
	buf_addc(out, '}');
	buf_done(&text);
}

void
services_show(char **texts)
{
	struct patterns	      p;
	const struct service *s;
	struct service	      x;
	struct buf	      out = BUF_INIT;

	patterns_init(&p, texts);
	for (size_t i = 0; i < postconf.services.count; i++) {
		s = &postconf.services.services[i];
		if (!wanted(&p, s, NULL))
			continue;
		buf_clear(&out);
		if (HAS('j')) {
			add_json_service(&out, s);
		} else {
			x = expanded(s);
			show_service(&out, &x, HAS('f'));
		}
		puts(out.data);
	}
	buf_done(&out);
	patterns_done(&p);
}

static void
show_field(const struct service *s, int field)
{
	struct buf     out = BUF_INIT;
	struct service x;

	if (!HAS('h') || HAS('H'))
		buf_addf(&out, "%s/%s/%s", s->fields[0], s->fields[1],
		    field_names[field]);
	if (!HAS('H')) {
		if (!HAS('h'))
			buf_adds(&out, " =");
		if (field == FIELDS - 1) {
			x = expanded(s);
			show_command(&out, &x, HAS('f'));
		} else {
			buf_addf(&out, "%s%s", out.len > 0 ? " " : "",
			    s->fields[field]);
		}
	}
	puts(out.data);
	buf_done(&out);
}

static void
show_json_field(const struct service *s, int field)
{
	struct buf out = BUF_INIT, text = BUF_INIT;

	buf_addf(&out, "%s/%s/%s", s->fields[0], s->fields[1],
	    field_names[field]);
	show_json(out.data, field_text(&text, s, field));
	buf_done(&out);
	buf_done(&text);
}

void
services_show_fields(char **texts)
{
	struct patterns	      p;
	const struct service *s;

	patterns_init(&p, texts);
	for (size_t i = 0; i < postconf.services.count; i++) {
		s = &postconf.services.services[i];
		for (int field = 0; field < FIELDS; field++)
			if (wanted(&p, s, field_names[field]))
				(HAS('j') ? show_json_field : show_field)(s,
				    field);
	}
	patterns_done(&p);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
show_params_of(struct patterns *p, const struct service *s)
{
	const char **sorted, *option, *equals;
	size_t	     count = 0;
	char	    *name, *label, *value;

	sorted = mem_alloc((size_t)(s->argc + 1) * sizeof *sorted);
	for (int i = 0; (option = service_option(s, &i)) != NULL;)
		if (strchr(option, '=') != NULL)
			sorted[count++] = option;
	qsort(sorted, count, sizeof *sorted, by_text);
	for (size_t i = 0; i < count; i++) {
		equals = strchr(sorted[i], '=');
		name = mem_strndup(sorted[i], (size_t)(equals - sorted[i]));
		if (wanted(p, s, name)) {
			label = mem_printf("%s/%s/%s", s->fields[0],
			    s->fields[1], name);
			value = option_value(s, name, equals + 1);
			show(label, value);
			mem_free(label);
			mem_free(value);
		}
		mem_free(name);
	}
	mem_free(sorted);
}

void
services_show_params(char **texts)
{
	struct patterns p;

	patterns_init(&p, texts);
	for (size_t i = 0; i < postconf.services.count; i++)
		show_params_of(&p, &postconf.services.services[i]);
	patterns_done(&p);
}
