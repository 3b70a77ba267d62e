#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/postmulti/postmulti.h"
#include "conf/conf.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"
#include "util/tree.h"

/*
 * Changes of the list of instances.  All changes of a main.cf are postconf's;
 * nothing is deleted that is not known to be ours.
 */

enum { MAIN_CF_MAX = 1024 * 1024 };	/* bytes */

static void
set(const char *dir, const char *name, const char *text)
{
	char	   *assignment = mem_printf("%s = %s", name, text);
	const char *args[] = { "-c", dir, "-e", assignment, NULL };

	if (!run_command("postconf", args))
		fatalx("can't change %s/main.cf", dir);
	mem_free(assignment);
}

/* --- the list in the primary instance */

static void
write_list(const struct instances *all, size_t without, const char *added,
    size_t before)
{
	struct buf b = BUF_INIT;

	for (size_t i = 1; i <= all->count; i++) {
		if (added != NULL && i == before)
			buf_addf(&b, "%s%s", b.len > 0 ? " " : "", added);
		if (i < all->count && i != without)
			buf_addf(&b, "%s%s", b.len > 0 ? " " : "",
			    all->items[i].dir);
	}
	set(all->items[0].dir, "multi_instance_directories", b.data);
	buf_done(&b);
}

/* The place of a new one: before which of the list it comes. */
static size_t
find_place(const struct instances *all, const struct wishes *w)
{
	if (w->first)
		return 1;
	for (size_t i = 1; i < all->count; i++)
		if ((w->group != NULL &&
		    text_eq(all->items[i].group, w->group)) ||
		    (w->name != NULL && instance_has_name(all, i, w->name)))
			return i;
	if (w->group != NULL || w->name != NULL)
		fatalx("No matching secondary instances");
	return all->count;
}

static size_t
need_instance(const struct instances *all, const struct wishes *w)
{
	if (w->name == NULL)
		fatalx("Specify an instance with '-i'");
	for (size_t i = 0; i < all->count; i++)
		if (instance_has_name(all, i, w->name))
			return i;
	fatalx("No instance named %s", w->name);
}

static size_t
need_secondary(const struct instances *all, const struct wishes *w)
{
	size_t i = need_instance(all, w);

	if (i == 0)
		fatalx("Cannot remove the primary instance");
	return i;
}

/* --- create and import */

/* The path of the primary one with its last part changed. */
static char *
sibling(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return mem_printf("%.*s/%s", (int)(slash - path), path, name);
}

static void
check_new_name(const struct instances *all, const char *name)
{
	if (name == NULL || text_eq(name, "-"))
		return;
	if (!text_starts(name, "postfix-"))
		fatalx("New instance name must start with 'postfix-'");
	for (size_t i = 0; i < all->count; i++)
		if (text_eq(all->items[i].name, name))
			fatalx("New instance name '%s' is already in use by"
			    " %s", name, all->items[i].dir);
}

static void
take_settings(struct instance *in, const struct wishes *w, const char *action,
    bool import)
{
	struct {
		const char *name;
		char	  **to;
	} known[] = { { "config_directory", &in->dir },
	    { "queue_directory", &in->queue },
	    { "data_directory", &in->data } };

	for (char **s = w->settings; *s != NULL; s++) {
		char  *equals = strchr(*s, '=');
		size_t n = equals == NULL ? 0 : (size_t)(equals - *s), k;

		if (n == 0)
			fatalx("Invalid argument: %s; write name=value", *s);
		for (k = 0; k < (import ? 1 : 3); k++)
			if (strlen(known[k].name) == n &&
			    strncmp(*s, known[k].name, n) == 0)
				break;
		if (k == (import ? 1 : 3))
			fatalx("Parameter '%.*s' not valid with action %s",
			    (int)n, *s, action);
		if (equals[1] != '/')
			fatalx("Parameter setting '%.*s' is not an absolute"
			    " path", (int)n, *s);
		*known[k].to = mem_strdup(equals + 1);
	}
}

static void
check_unused(const struct instances *all, const char *what, const char *path)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct instance *in = &all->items[i];

		if (text_eq(path, in->dir) || text_eq(path, in->queue) ||
		    text_eq(path, in->data))
			fatalx("new %s=%s is already in use by instance %s, "
			    "%s=%s", what, path, in->dir, what, path);
	}
}

static bool
exists(const char *dir, const char *name)
{
	char *path = mem_printf("%s/%s", dir, name);
	bool  is = access(path, F_OK) == 0;

	mem_free(path);
	return is;
}

/* Before anything is made of it. */
static void
need_stock(const char *name)
{
	char *proto = mem_printf("%s.proto", name);

	if (!exists(conf_mail.meta_directory, proto))
		script_fatal("Missing %s prototype: %s/%s", name,
		    conf_mail.meta_directory, proto);
	mem_free(proto);
}

static void
copy_stock(const char *dir, const char *name)
{
	char *from = mem_printf("%s/%s.proto", conf_mail.meta_directory, name);
	char *to = mem_printf("%s/%s", dir, name);
	struct buf text = BUF_INIT;

	if (!file_read(from, MAIN_CF_MAX, &text))
		script_fatal("Missing %s prototype: %s", name, from);
	if (!file_replace_bytes(to, text.data, text.len, 0644))
		fatal("write %s", to);
	buf_done(&text);
	mem_free(from);
	mem_free(to);
}

/* Files and programs that all instances share, where they are not in their
 * usual places. */
static void
share_places(const char *dir)
{
	static const char *const names[] = {
		"command_directory", "daemon_directory", "sendmail_path",
		"mailq_path", "newaliases_path", "manpage_directory",
		"sample_directory", "readme_directory", "html_directory",
		"meta_directory", "shlib_directory", "mail_owner",
		"setgid_group", "maillog_file_prefixes",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (conf_is_set(names[i]))
			set(dir, names[i], conf_text(names[i]));
}

/* It listens nowhere and takes no mail until somebody has thought about it. */
static void
make_files(const struct instance *in)
{
	const char *const permissions[] = { "-c", in->dir, "set-permissions",
	    NULL };

	need_stock("main.cf");
	need_stock("master.cf");
	if (!file_mkdirs(in->dir, 0755) && errno != EEXIST)
		fatal("make directory %s", in->dir);
	copy_stock(in->dir, "main.cf");
	copy_stock(in->dir, "master.cf");
	share_places(in->dir);
	set(in->dir, "master_service_disable", "inet");
	set(in->dir, "authorized_submit_users", "");
	set(in->dir, "queue_directory", in->queue);
	set(in->dir, "data_directory", in->data);
	if (!run_command("postfix", permissions))
		fatalx("can't make the directories of %s", in->dir);
}

static void
set_names(const char *dir, const struct wishes *w)
{
	if (w->new_name != NULL)
		set(dir, "multi_instance_name", text_eq(w->new_name, "-") ?
		    "" : w->new_name);
	if (w->new_group != NULL)
		set(dir, "multi_instance_group", text_eq(w->new_group, "-") ?
		    "" : w->new_group);
}

static void
do_create(struct instances *all, const struct wishes *w, bool import)
{
	const struct instance *primary = &all->items[0];
	struct instance	in = { 0 };
	size_t		place = find_place(all, w);
	bool		has_name = w->new_name != NULL &&
			!text_eq(w->new_name, "-");

	if (w->new_name != NULL && !text_eq(w->new_name, "-") &&
	    !text_starts(w->new_name, "postfix-"))
		fatalx("New instance name must start with 'postfix-'");
	take_settings(&in, w, import ? "import" : "create", import);
	if (!has_name && (in.dir == NULL || (!import &&
	    (in.queue == NULL || in.data == NULL))))
		fatalx("Missing config_directory parameter value");
	if (in.dir == NULL)
		in.dir = sibling(primary->dir, w->new_name);
	check_unused(all, "config_directory", in.dir);
	check_new_name(all, w->new_name);
	if (!exists(in.dir, "main.cf") || !exists(in.dir, "master.cf")) {
		if (import)
			fatalx("Failed to obtain all required %s/main.cf"
			    " parameters", in.dir);
		if (in.queue == NULL)
			in.queue = sibling(primary->queue, w->new_name);
		if (in.data == NULL)
			in.data = sibling(primary->data, w->new_name);
		check_unused(all, "queue_directory", in.queue);
		check_unused(all, "data_directory", in.data);
		make_files(&in);
	}
	set_names(in.dir, w);
	write_list(all, 0, in.dir, place);
}

/* --- destroy */

static void
not_removed(const char *path)
{
	log_warn("%s is not removed: %s", path, strerror(errno));
}

static void
check_empty(const struct instance *in)
{
	static const char *const queues[] = { "maildrop", "incoming",
	    "active", "deferred", "hold", "corrupt", "saved" };

	for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
		char *path = mem_printf("%s/%s", in->queue, queues[i]);

		if (tree_has_file(path))
			fatalx("Instance %s has mail in its queue \"%s\"",
			    in->dir, queues[i]);
		mem_free(path);
	}
}

static void
remove_in(const char *dir, const char *name)
{
	char *path = mem_printf("%s/%s", dir, name);

	unlink(path);
	mem_free(path);
}

static void
need_stopped(const struct instance *in)
{
	const char *const status[] = { "-c", in->dir, "status", NULL };

	if (run_command("postfix", status))
		script_fatal("Instance '%s' is not stopped", in->dir);
}

/* It keeps all that it has, and runs by itself. */
static void
do_deport(struct instances *all, const struct wishes *w)
{
	size_t i = need_secondary(all, w);

	if (all->items[i].enabled)
		fatalx("Cannot remove enabled instances");
	need_stopped(&all->items[i]);
	write_list(all, i, NULL, 0);
}

static void
do_destroy(struct instances *all, const struct wishes *w)
{
	size_t		 i = need_secondary(all, w);
	struct instance *in = &all->items[i];

	if (in->enabled)
		fatalx("Cannot remove enabled instances");
	need_stopped(in);
	check_empty(in);
	remove_in(in->queue, "pid/master.pid");
	tree_remove(in->queue, false, not_removed);
	tree_remove(in->data, true, not_removed);
	remove_in(in->dir, "main.cf");
	remove_in(in->dir, "master.cf");
	if (rmdir(in->dir) != 0)
		not_removed(in->dir);
	write_list(all, i, NULL, 0);
}

/* --- */

static void
do_enable(struct instances *all, const struct wishes *w, bool on)
{
	size_t i = need_instance(all, w);

	set(all->items[i].dir, "multi_instance_enable", on ? "yes" : "no");
}

static void
do_assign(struct instances *all, const struct wishes *w)
{
	size_t i = need_instance(all, w);

	if (w->new_name == NULL && w->new_group == NULL)
		fatalx("Specify a new name with '-I' or a new group with"
		    " '-G'");
	if (w->new_name != NULL &&
	    !text_eq(w->new_name, all->items[i].name))
		check_new_name(all, w->new_name);
	set_names(all->items[i].dir, w);
}

static void
do_init(const struct instances *all)
{
	set(all->items[0].dir, "multi_instance_wrapper",
	    "${command_directory}/postmulti -p --");
	set(all->items[0].dir, "multi_instance_enable", "yes");
}

void
edit_instances(struct instances *all, const char *action,
    const struct wishes *w)
{
	static const char *const names[] = { "init", "create", "destroy",
	    "import", "deport", "enable", "disable", "assign" };
	size_t n = sizeof names / sizeof *names, a = 0;

	while (a < n && !text_eq(names[a], action))
		a++;
	if (a == n)
		fatalx("Invalid '-e' edit action '%s'. Specify 'create', "
		    "'destroy', 'import', 'deport', 'enable', 'disable', "
		    "'assign' or 'init'", action);
	if ((a == 1 || a == 3 || a == 5) && !all->managed)
		script_fatal("multi_instance_wrapper is empty, run "
		    "'postmulti -e init' first.");
	switch (a) {
	case 0: do_init(all); break;
	case 1: do_create(all, w, false); break;
	case 2: do_destroy(all, w); break;
	case 3: do_create(all, w, true); break;
	case 4: do_deport(all, w); break;
	case 5: do_enable(all, w, true); break;
	case 6: do_enable(all, w, false); break;
	case 7: do_assign(all, w); break;
	}
}
