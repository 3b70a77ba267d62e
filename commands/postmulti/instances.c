#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/postmulti/postmulti.h"
#include "conf/conf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static char *
value(const char *name)
{
	const char *v = conf_value(name);

	return mem_strdup(v == NULL ? "" : v);
}

static void
read_one(struct instance *in)
{
	const char *why;
	char	   *enabled;

	if (!conf_read(&why))
		fatalx("Failed to obtain all required %s/main.cf parameters"
		    " (%s)", conf_dir(), why);
	in->dir = mem_strdup(conf_dir());
	in->name = value("multi_instance_name");
	in->group = value("multi_instance_group");
	in->queue = value("queue_directory");
	in->data = value("data_directory");
	enabled = value("multi_instance_enable");
	in->enabled = text_eq_nocase(enabled, "yes");
	mem_free(enabled);
}

void
instances_read(struct instances *all)
{
	struct instance *in;
	char *list, *next, *dir, *first;

	all->items = mem_zalloc(sizeof *all->items);
	all->count = 1;
	read_one(&all->items[0]);
	first = mem_strdup(all->items[0].dir);
	next = list = value("multi_instance_directories");
	all->managed = all->items[0].enabled;
	while ((dir = text_word(&next, TEXT_LIST_SEP, false)) != NULL) {
		all->items = mem_realloc(all->items, (all->count + 1) *
		    sizeof *all->items);
		in = &all->items[all->count++];
		memset(in, 0, sizeof *in);
		conf_set_dir(dir);
		read_one(in);
	}
	/* One that is alone is started whatever the parameter says. */
	if (all->count == 1)
		all->items[0].enabled = true;
	conf_set_dir(first);
	mem_free(first);
	mem_free(list);
}

bool
instance_has_name(const struct instances *all, size_t i, const char *name)
{
	const struct instance *in = &all->items[i];

	if (text_eq(name, "-"))
		return i == 0;
	return text_eq(name, in->dir) ||
	    (*in->name != '\0' && text_eq(name, in->name));
}

void
instance_export(const struct instance *in)
{
	setenv("MAIL_CONFIG", in->dir, 1);
	setenv("config_directory", in->dir, 1);
	setenv("queue_directory", in->queue, 1);
	setenv("data_directory", in->data, 1);
	setenv("multi_instance_name", in->name, 1);
	setenv("multi_instance_group", in->group, 1);
	setenv("multi_instance_enable", in->enabled ? "yes" : "no", 1);
}

bool
run_command(const char *name, const char *const *args)
{
	char	*path = mem_printf("%s/%s", conf_mail.command_directory, name);
	size_t	 n = 0;
	char   **argv;
	pid_t	 pid;
	int	 status = -1;

	while (args[n] != NULL)
		n++;
	argv = mem_alloc((n + 2) * sizeof *argv);
	argv[0] = path;
	for (size_t i = 0; i <= n; i++)
		argv[i + 1] = (char *)(uintptr_t)args[i];
	log_flush();
	pid = fork();
	if (pid == 0) {
		execv(path, argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		fatal("run %s", path);
	mem_free(argv);
	mem_free(path);
	return status == 0;
}
