/*
 * postmulti - manage several instances of the mail system
 *
 * For the superuser, or the owner of a private instance.  Reads the main.cf of
 * the primary instance and of those that it lists, runs postfix or any other
 * command for each (-p, -x), lists them (-l), or changes the list (-e) by
 * means of postconf.  postfix itself runs it as multi_instance_wrapper.
 *
 * Ends with 0, or with 1 if anything failed; reasons go to the log, and to
 * standard error where that is a terminal.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/postmulti/postmulti.h"
#include "conf/conf.h"
#include "server/command.h"
#include "server/maillog.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static struct {
	char		 mode;		/* e l p x; 0: not said */
	const char	*action;
	bool		 all, json, reverse, verbose;
	struct wishes	 w;
} opt;

static void
usage(void)
{
	fatalx("Usage:postmulti -l [-v] [-a] [-g group] [-i instance] | "
	    "postmulti -p [-v] [-a] [-g group] [-i instance] command... | "
	    "postmulti -x [-v] [-a] [-i name] [-g group] command... | "
	    "postmulti -e action [-v] [-a] [-i name] [-g group] [-I name] "
	    "[-G group] [param=value ...]");
}

static void
set_mode(int mode)
{
	if (opt.mode != '\0')
		fatalx("Specify exactly one of '-e', '-l', '-p', '-x'");
	opt.mode = (char)mode;
}

static bool
is_chosen(const struct instances *all, size_t i)
{
	if (opt.w.group != NULL)
		return text_eq(all->items[i].group, opt.w.group);
	if (opt.w.name != NULL)
		return instance_has_name(all, i, opt.w.name);
	return true;
}

/* --- listing */

static const char *
or_dash(const char *text)
{
	return *text == '\0' ? "-" : text;
}

static void
json_member(struct buf *out, const char *key, const char *text)
{
	buf_addf(out, "\"%s\": ", key);
	text_json(out, text, strlen(text));
	buf_adds(out, ", ");
}

static void
list_one(const struct instance *in)
{
	struct buf out = BUF_INIT;

	if (opt.json) {
		buf_addc(&out, '{');
		json_member(&out, "name", or_dash(in->name));
		json_member(&out, "group", or_dash(in->group));
		buf_addf(&out, "\"enabled\": %s, \"config_directory\": ",
		    in->enabled ? "true" : "false");
		text_json(&out, in->dir, strlen(in->dir));
		buf_adds(&out, "}\n");
	} else {
		buf_addf(&out, "%-15s %-15s %-9s %s\n", or_dash(in->name),
		    or_dash(in->group), in->enabled ? "y" : "n", in->dir);
	}
	fputs(out.data, stdout);
	buf_done(&out);
}

/* --- running */

static bool
run_for(const struct instance *in, char **argv)
{
	pid_t pid;
	int   status = -1;

	fflush(stdout);
	log_flush();
	pid = fork();
	if (pid == 0) {
		instance_export(in);
		setenv("command_directory", conf_mail.command_directory, 1);
		setenv("daemon_directory", conf_mail.daemon_directory, 1);
		if (opt.verbose)
			setenv("MAIL_VERBOSE", "", 1);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		fatal("run %s", argv[0]);
	return status == 0;
}

static bool
is_in(const char *list, const char *command)
{
	char *copy = mem_strdup(list), *next = copy, *word;
	bool  found = false;

	while (!found && (word = text_word(&next, TEXT_LIST_SEP, false)) !=
	    NULL)
		found = text_eq(word, command);
	mem_free(copy);
	return found;
}

/* postfix-wrapper(5): who is not enabled is left out of these. */
static bool
is_for_enabled(const char *command)
{
	return is_in(conf_mail.postmulti_stop_commands, command) ||
	    is_in(conf_mail.postmulti_control_commands, command);
}

/* Instead of being started it is checked. */
static bool
run_postfix(const struct instance *in, char **argv)
{
	char  *path, *check[3];
	char **with = argv;
	bool   ok;

	path = mem_printf("%s/postfix", conf_mail.command_directory);
	check[0] = path;
	check[1] = mem_strdup("check");
	check[2] = NULL;
	if (!in->enabled &&
	    is_in(conf_mail.postmulti_start_commands, argv[0])) {
		ok = run_for(in, check);
	} else {
		size_t n = 0;

		while (argv[n] != NULL)
			n++;
		with = mem_alloc((n + 2) * sizeof *with);
		with[0] = path;
		memcpy(with + 1, argv, (n + 1) * sizeof *with);
		ok = run_for(in, with);
		mem_free(with);
	}
	mem_free(check[1]);
	mem_free(path);
	return ok;
}

static int
visit(const struct instances *all, char **argv)
{
	bool   ok = true, found = false, reverse = opt.reverse;
	size_t i;

	if (opt.mode != 'l' && *argv == NULL)
		fatalx("Command required with '-p' or '-x' option");
	if (opt.mode == 'p' &&
	    is_in(conf_mail.postmulti_stop_commands, argv[0]))
		reverse = true;
	for (size_t k = 0; k < all->count; k++) {
		i = reverse ? all->count - 1 - k : k;
		if (!is_chosen(all, i) ||
		    (i > 0 && opt.mode != 'l' && !all->managed) ||
		    (opt.mode == 'p' && !all->items[i].enabled &&
		    is_for_enabled(argv[0])))
			continue;
		found = true;
		switch (opt.mode) {
		case 'l': list_one(&all->items[i]); break;
		case 'p': ok &= run_postfix(&all->items[i], argv); break;
		case 'x': ok &= run_for(&all->items[i], argv); break;
		}
	}
	if (!found && opt.mode != 'l')
		fatalx("No matching instances");
	return ok ? 0 : 1;
}

/* --- */

static void
take_option(int ch)
{
	switch (ch) {
	case 'a': opt.all = opt.w.first = true; break;
	case 'e': opt.action = optarg; set_mode('e'); break;
	case 'g': opt.w.group = optarg; break;
	case 'G': opt.w.new_group = optarg; break;
	case 'i': opt.w.name = optarg; break;
	case 'I': opt.w.new_name = optarg; break;
	case 'j': opt.json = true; break;
	case 'l': case 'p': case 'x': set_mode(ch); break;
	case 'R': opt.reverse = true; break;
	case 'v': opt.verbose = true; log_verbose++; break;
	default: usage();
	}
}

static void
open_log(const char *tag)
{
	char *path = mem_printf("%s/public/%s", conf_mail.queue_directory,
	    conf_mail.postlog_service_name);
	const char *file = conf_mail.maillog_file, *why;
	int facility = log_facility(conf_mail.syslog_facility), fd = -1;

	if (!maillog_check(&why))
		fatalx("%s", why);
	log_set_host(conf_mail.myhostname);
	/* While nothing runs the lines go into the file directly. */
	if (*file == '/' && !log_reaches(path) &&
	    (fd = maillog_open_file(&why)) >= 0)
		log_open(LOG_TO_FILE, tag, file, facility);
	else
		log_open(*file != '\0' ? LOG_TO_SOCKET : LOG_TO_SYSLOG,
		    tag, path, facility);
	if (fd >= 0)
		close(fd);
	log_also_stderr(true);
	mem_free(path);
}

void
script_fatal(const char *fmt, ...)
{
	char *tag = mem_printf("%s/postmulti-script", conf_mail.syslog_name);
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	log_set_name("postfix/postlog");
	open_log(tag);
	fatalx("%s", text.data);
}

int
main(int argc, char **argv)
{
	struct instances all;
	const char	*why;
	int		 ch;

	command_name(argv[0]);
	if (!conf_read(&why) || !conf_load(&param_mail, &why))
		fatalx("%s", why);
	/* Of all commands this one alone logs without syslog_name, which
	 * differs between instances. */
	open_log("postmulti");
	while ((ch = getopt(argc, argv, "+ae:g:G:i:I:jlpRvx")) != -1)
		take_option(ch);
	if (opt.mode == '\0')
		fatalx("Specify exactly one of '-e', '-l', '-p', '-x'");
	if (opt.reverse && opt.mode == 'p')
		fatalx("The '-R' option cannot be used with '-p'");
	if (opt.mode == 'l' && optind < argc)
		fatalx("Command not allowed with '-l'");
	opt.w.settings = argv + optind;
	instances_read(&all);
	/* All is loaded again: the last main.cf that was read was another. */
	if (!conf_read(&why) || !conf_load(&param_mail, &why))
		fatalx("%s", why);
	if (opt.mode != 'e')
		return visit(&all, argv + optind);
	edit_instances(&all, opt.action, &opt.w);
	return 0;
}
