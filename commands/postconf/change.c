/*
 * Changes of main.cf and master.cf.  The new text is made in memory, checked
 * by parsing it once more, and takes the file's place in one step.
 */

#include <errno.h>
#include <string.h>

#include "commands/postconf/postconf.h"
#include "conf/conf.h"
#include "conf/edit.h"
#include "conf/lines.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum { FILE_MAX = 16 * 1024 * 1024 };

/* --- main.cf */

static void
warn_double(const char *name)
{
	log_warn("%s/main.cf: multiple entries for \"%s\"", conf_dir(), name);
}

/* "name=value" or, without `values`, "name". */
static void
add_request(struct map *names, const char *arg, bool values)
{
	char	   *copy = pool_strdup(&postconf.pool, arg);
	char	   *name = copy, *value = copy;
	const char *wrong, *old;

	if (values) {
		if ((wrong = lines_split(copy, &name, &value)) != NULL)
			fatalx("%s: \"%s\"", wrong, text_trim(copy));
	} else {
		if (strchr(arg, '=') != NULL)
			fatalx("%s requires a parameter name, not \"%s\"",
			    HAS('X') ? "-X" : "-#", arg);
		name = value = text_trim(copy);
		if (*name == '\0')
			fatalx("-X or -# requires non-blank parameter names");
	}
	old = map_set(names, name, value);
	if (old != NULL && values)
		log_warn("ignoring earlier request: '%s = %s'", name, old);
}

void
change_main_cf(char **args)
{
	struct map   *names = map_new();
	struct buf    old = BUF_INIT, new = BUF_INIT;
	char	     *path = mem_printf("%s/main.cf", conf_dir());
	const char   *why;
	enum edit_how how = HAS('X') ? EDIT_REMOVE : HAS('#') ? EDIT_COMMENT :
	    EDIT_SET;

	for (; *args != NULL; args++)
		add_request(names, *args, how == EDIT_SET);
	if (!edit_may_write(path))
		fatal("open %s.tmp", path);
	if (!file_read(path, FILE_MAX, &old))
		fatal("open %s for reading", path);
	if (!edit_main_cf(&old, &new, how, names, warn_double, &why))
		fatalx("%s, %s", path, why);
	if (!edit_write(path, &new, &why))
		fatalx("%s", why);
	map_free(names, NULL);
	buf_done(&old);
	buf_done(&new);
	mem_free(path);
}

/* --- master.cf */

static void
end_line(struct buf *b)
{
	if (b->len > 0 && b->data[b->len - 1] != '\n')
		buf_addc(b, '\n');
}

/* Whole entries can be removed and replaced whatever is wrong with them. */
static bool
parse(struct service_table *t, const char *path, const struct buf *content,
    const char **ret_why)
{
	return HAS('M') ? master_cf_parse_names(t, path, content, ret_why) :
	    master_cf_parse_all(t, path, content, ret_why);
}

static void
read_master(void)
{
	const char *why;
	char	   *path = mem_printf("%s/master.cf", conf_dir());

	if (!edit_may_write(path))
		fatal("open %s.tmp", path);
	if (!file_read(path, FILE_MAX, &postconf.master_cf))
		fatal("open %s for reading", path);
	if (!parse(&postconf.services, path, &postconf.master_cf, &why))
		fatalx("%s", why);
	mem_free(path);
}

/* The text of one entry, parsed; it lives to the end. */
static struct service *
parse_entry(const char *text, const char *arg)
{
	struct service_table *t = pool_zalloc(&postconf.pool, sizeof *t);
	struct buf	      line = BUF_INIT;
	const char	     *why;

	buf_adds(&line, text);
	if (!master_cf_parse_all(t, "command line", &line, &why)) {
		if (strstr(why, "bad field count") != NULL)
			fatalx("bad field count: \"%s\"", arg);
		fatalx("%s", why);
	}
	if (t->count != 1)
		fatalx("bad field count: \"%s\"", arg);
	buf_done(&line);
	return &t->services[0];
}

/*
 * What becomes of each entry: NULL keeps its bytes, "" removes it, other text
 * stands in its place.  `comment[i]` puts '#' before it instead.
 */
struct plan {
	const char	**texts;
	bool		 *comment;
	struct service	 *services;	/* copies to be changed */
	bool		  comments_first;	/* those within an entry */
	struct buf	  added;
};

/* Where what goes with an entry ends.  Those who change a column or an option
 * put all comments up to the next entry before it. */
static size_t
plan_end(const struct plan *plan, size_t i)
{
	if (plan->texts[i] == NULL || !plan->comments_first)
		return postconf.services.services[i].to;
	return i + 1 < postconf.services.count ?
	    postconf.services.services[i + 1].from : postconf.master_cf.len;
}

static struct plan
plan_new(void)
{
	size_t	    n = postconf.services.count;
	struct plan plan = {
		.texts = pool_zalloc(&postconf.pool, (n + 1) * sizeof(char *)),
		.comment = pool_zalloc(&postconf.pool, n + 1),
		.services = pool_zalloc(&postconf.pool,
		    (n + 1) * sizeof(struct service)),
		.added = BUF_INIT,
	};
	struct service *s;
	char	      **argv;

	for (size_t i = 0; i < n; i++) {
		s = &plan.services[i];
		*s = postconf.services.services[i];
		argv = pool_zalloc(&postconf.pool,
		    (size_t)(s->argc + 1) * sizeof *argv);
		if (s->argc > 0)
			memcpy(argv, s->argv, (size_t)s->argc * sizeof *argv);
		s->argv = argv;
	}
	return plan;
}

static void
plan_replace(struct plan *plan, size_t i, const struct service *s)
{
	struct buf text = BUF_INIT;

	show_service(&text, s, true);
	buf_addc(&text, '\n');
	plan->texts[i] = pool_strdup(&postconf.pool, text.data);
	plan->comments_first = HAS('F') || HAS('P');
	buf_done(&text);
}

static void
replace_entry(struct buf *out, const struct plan *plan, size_t i)
{
	const struct service *s = &postconf.services.services[i];
	const char	     *all = postconf.master_cf.data;

	if (!plan->comments_first)
		buf_adds(out, plan->texts[i]);
	edit_keep_comments(out, all + s->from, all + plan_end(plan, i));
	if (plan->comments_first)
		buf_adds(out, plan->texts[i]);
}

static void
plan_carry_out(struct plan *plan)
{
	struct buf	      out = BUF_INIT;
	struct service_table  checked;
	const struct service *s;
	const char	     *all = postconf.master_cf.data, *why;
	size_t		      at = 0;
	char		     *path = mem_printf("%s/master.cf", conf_dir());

	for (size_t i = 0; i < postconf.services.count; i++) {
		s = &postconf.services.services[i];
		buf_add(&out, all + at, s->from - at);
		at = plan_end(plan, i);
		if (plan->comment[i])
			edit_comment_out(&out, all + s->from, all + s->to);
		else if (plan->texts[i] == NULL)
			buf_add(&out, all + s->from, s->to - s->from);
		else
			replace_entry(&out, plan, i);
	}
	buf_add(&out, all + at, postconf.master_cf.len - at);
	if (plan->added.len > 0) {
		end_line(&out);
		buf_add(&out, plan->added.data, plan->added.len);
	}
	if (!parse(&checked, path, &out, &why))
		fatalx("%s", why);
	if (!edit_write(path, &out, &why))
		fatalx("%s", why);
	master_cf_done(&checked);
	buf_done(&plan->added);
	buf_done(&out);
	mem_free(path);
}

/* "pattern=value" split at the first '='. */
static void
split_request(const char *arg, bool has_value, struct pattern *ret,
    char **ret_value)
{
	char	   *copy = pool_strdup(&postconf.pool, arg), *name = copy;
	const char *wrong;

	*ret_value = NULL;
	if (has_value &&
	    (wrong = lines_split(copy, &name, ret_value)) != NULL)
		fatalx("%s: \"%s\"", wrong, arg);
	pattern_parse(ret, name);
}

/* It has all three parts, and no more. */
static bool
has_one_item(const struct pattern *p)
{
	return p->has_item && *p->item != '\0' &&
	    strchr(p->item, '/') == NULL;
}

void
change_services(char **args)
{
	struct plan	plan;
	struct pattern	p;
	struct service *new;
	char	       *value;
	bool		found;

	read_master();
	plan = plan_new();
	for (; *args != NULL; args++) {
		split_request(*args, HAS('e'), &p, &value);
		if (p.has_item ||
		    (text_eq(p.type, "*") && strstr(*args, "/*") == NULL))
			fatalx("-Me, -MX or -M# requires service_name/type");
		new = value != NULL ? parse_entry(value, *args) : NULL;
		found = false;
		for (size_t i = 0; i < postconf.services.count; i++) {
			if (!pattern_has(&p,
			    &postconf.services.services[i]))
				continue;
			if (HAS('#'))
				plan.comment[i] = true;
			else if (HAS('X') || found)
				plan.texts[i] = "";
			else
				plan_replace(&plan, i, new);
			found = true;
		}
		if (!found && new != NULL) {
			show_service(&plan.added, new, true);
			buf_addc(&plan.added, '\n');
		}
	}
	plan_carry_out(&plan);
}

static void
set_field(struct service *s, int field, const char *value, const char *arg)
{
	struct buf	line = BUF_INIT;
	struct service *new;

	if (field < 7) {
		s->fields[field] = pool_strdup(&postconf.pool, value);
		return;
	}
	/* The command: parse it behind columns that are surely right. */
	buf_addf(&line, "x unix - - - - - %s", value);
	new = parse_entry(line.data, arg);
	s->argv = new->argv;
	s->argc = new->argc;
	buf_done(&line);
}

static void
set_option(struct service *s, const char *name, const char *value)
{
	size_t len = strlen(name);
	int    i = 0, after = 1;
	char **argv;
	char  *option = pool_printf(&postconf.pool, "%s=%s", name, value);

	while (service_option(s, &i) != NULL) {
		after = i;
		if (strncmp(s->argv[i - 1], name, len) == 0 &&
		    s->argv[i - 1][len] == '=') {
			s->argv[i - 1] = option;
			return;
		}
	}
	if (i > after)
		after = i;	/* behind the last option of any kind */
	argv = pool_alloc(&postconf.pool,
	    (size_t)(s->argc + 3) * sizeof *argv);
	memcpy(argv, s->argv, (size_t)after * sizeof *argv);
	argv[after] = pool_strdup(&postconf.pool, "-o");
	argv[after + 1] = option;
	memcpy(&argv[after + 2], &s->argv[after],
	    (size_t)(s->argc + 1 - after) * sizeof *argv);
	s->argv = argv;
	s->argc += 2;
}

static void
remove_option(struct service *s, const char *name)
{
	size_t	    len = strlen(name);
	const char *option;
	int	    i = 0;

	while ((option = service_option(s, &i)) != NULL) {
		if (!text_eq(name, "*") && (strncmp(option, name, len) != 0 ||
		    option[len] != '='))
			continue;
		memmove(&s->argv[i - 2], &s->argv[i],
		    (size_t)(s->argc + 1 - i) * sizeof *s->argv);
		s->argc -= 2;
		i = 0;	/* one that it hid may have come up */
	}
}

/* -F and -P alike: `apply` changes a matching entry. */
static void
change_matching(char **args, bool has_value,
    void (*apply)(struct service *, const struct pattern *,
	const char *value, const char *arg))
{
	struct plan	plan;
	struct pattern	p;
	struct service *s;
	char	       *value;
	bool		found;

	read_master();
	plan = plan_new();
	for (; *args != NULL; args++) {
		split_request(*args, has_value, &p, &value);
		found = false;
		for (size_t i = 0; i < postconf.services.count; i++) {
			s = &plan.services[i];
			if (!pattern_has(&p, s))
				continue;
			found = true;
			apply(s, &p, value, *args);
			plan_replace(&plan, i, s);
		}
		if (!found)
			log_warn("unmatched service_name/type: \"%s\"",
			    *args);
	}
	plan_carry_out(&plan);
}

static void
apply_field(struct service *s, const struct pattern *p, const char *value,
    const char *arg)
{
	set_field(s, services_field(p->item), value, arg);
}

/* A column is right or wrong whatever the others are. */
static void
check_field(int field, const char *value)
{
	static const char *const columns[] = {
		"x", "unix", "-", "-", "-", "-", "-"
	};
	static const char *const names[] = {
		"service", "type", "private", "unprivileged", "chroot",
		"wakeup", "process_limit",
	};
	struct buf	      line = BUF_INIT;
	struct service_table  t;
	const char	     *why;

	if (field >= 7)
		return;
	if (value[strcspn(value, " \t\r\n")] != '\0')
		fatalx("-Fe does not accept whitespace in non-command field");
	for (int i = 0; i < 7; i++)
		buf_addf(&line, "%s ", i != field ? columns[i] :
		    *value != '\0' ? value : "{}");
	buf_addc(&line, 'x');
	if (!master_cf_parse_all(&t, "", &line, &why))
		fatalx("invalid %s field \"%s\" in \"%s\"", names[field],
		    value, value);
	master_cf_done(&t);
	buf_done(&line);
}

void
change_fields(char **args)
{
	struct pattern p;
	char	      *value;

	for (int i = 0; args[i] != NULL; i++) {
		split_request(args[i], true, &p, &value);
		if (!has_one_item(&p))
			fatalx("-Fe or -FX requires service_name/type/"
			    "field_name");
		if (text_eq(p.item, "*"))
			fatalx("-Fe does not accept wild-card field name");
		check_field(services_field(p.item), value);
	}
	change_matching(args, true, apply_field);
}

static void
apply_param(struct service *s, const struct pattern *p, const char *value,
    const char *arg)
{
	(void)arg;
	if (value != NULL)
		set_option(s, p->item, value);
	else
		remove_option(s, p->item);
}

void
change_params(char **args)
{
	struct pattern p;
	char	      *value;

	for (int i = 0; args[i] != NULL; i++) {
		split_request(args[i], HAS('e'), &p, &value);
		if (!has_one_item(&p))
			fatalx("-Pe or -PX requires service_name/type/"
			    "parameter");
		if (text_eq(p.item, "*"))
			fatalx("-Pe does not accept wild-card parameter name");
		if (value != NULL && strpbrk(value, " \t\r\n") != NULL)
			fatalx("-Pe does not accept whitespace in parameter "
			    "value");
	}
	change_matching(args, HAS('e'), apply_param);
}
