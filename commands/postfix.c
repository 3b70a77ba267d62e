/*
 * postfix - control the mail system
 *
 * For the superuser, or for the user who runs a private instance: whoever
 * mail_owner is.  Makes missing directories of the queue, starts master and
 * sends it signals.  Trusts its configuration; reads nothing else.  Ends with
 * 0 if the mail system does what was asked for, otherwise with 1 and a line
 * on standard error and in the log.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "commands/postfix/check.h"
#include "commands/postfix/explain.h"
#include "commands/postfix/services.h"
#include "conf/conf.h"
#include "server/accounts.h"
#include "server/identity.h"
#include "server/layout.h"
#include "server/maillog.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/text.h"

enum {
	STOP_SECONDS = 5,	/* master needs no longer for an orderly stop */
	POLL_MS = 20,
};

static int verbose;

/* --- master */

static char *
master_path(void)
{
	return mem_printf("%s/master", conf_mail.daemon_directory);
}

/* The process that holds the lock of the pid file; 0: none. */
static pid_t
running(void)
{
	char	    *path = mem_printf("%s/%s/master.pid",
			conf_mail.queue_directory,
			conf_mail.process_id_directory);
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int	     fd = open(path, O_RDONLY | O_CLOEXEC);
	pid_t	     pid = 0;

	mem_free(path);
	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK)
		pid = l.l_pid;
	close(fd);
	return pid;
}

static pid_t
need_running(void)
{
	pid_t pid = running();

	if (pid == 0)
		fatalx("the Postfix mail system is not running");
	return pid;
}

static void
need_stopped(void)
{
	if (running() != 0)
		fatalx("the Postfix mail system is already running");
}

/* One that is gone already needs no signal. */
static void
signal_master(pid_t pid, int signo)
{
	if (kill(pid, signo) < 0 && errno != ESRCH)
		fatal("signal process %d", (int)pid);
}

/* --- commands */

static int
do_status(void)
{
	pid_t pid = running();

	if (pid == 0) {
		log_info("the Postfix mail system is not running");
		return 1;
	}
	log_info("the Postfix mail system is running: PID: %d", (int)pid);
	return 0;
}

/* What would keep mail from flowing is fatal; the rest is for check. */
static void
prepare(void)
{
	const char *why;

	services_check();
	if (!layout_make(&why))
		fatalx("%s", why);
}

/* Queue files first: trouble there is told by postsuper, and ends it. */
static bool
check_queue_files(void)
{
	char *path = mem_printf("%s/postsuper", conf_mail.command_directory);
	char  queues[][9] = { "defer", "bounce", "maildrop", "incoming",
		"active", "deferred", "hold", "flush" };
	char *argv[] = { path, queues[0], queues[1], queues[2], queues[3],
		queues[4], queues[5], queues[6], queues[7], NULL };
	bool  ok = access(path, X_OK) != 0 ||
	    proc_run(argv, NULL, -1, STDERR_FILENO, 0) == 0;

	mem_free(path);
	return ok;
}

static int
do_check(void)
{
	prepare();
	if (!check_queue_files())
		return 1;
	conf_warn_unknown();
	layout_check();
	check_tables(running() != 0);
	check_relay();
	check_certificates();
	check_name();
	return 0;
}

static int
do_start(void)
{
	char *path = master_path(), name[] = "master", w[] = "-w", v[] = "-v";
	char *argv[] = { name, w, verbose ? v : NULL, NULL };
	int   status;
	pid_t pid;

	need_stopped();
	prepare();
	log_info("starting the Postfix mail system");
	log_flush();
	pid = fork();
	if (pid == 0) {
		execv(path, argv);
		fprintf(stderr, "postfix: fatal: execute %s: %s\n", path,
		    strerror(errno));
		_exit(1);
	}
	mem_free(path);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		fatal("start master");
	if (status != 0)
		fatalx("mail system startup failed");
	return 0;
}

static int
do_start_fg(void)
{
	char *path = master_path(), name[] = "master", fg[] = "-s";
	char  init[] = "-i";
	char *argv[] = { name, getpid() == 1 ? init : fg, NULL };

	need_stopped();
	prepare();
	log_info("starting the Postfix mail system");
	log_flush();
	execv(path, argv);
	fatal("execute %s", path);
}

/* A line a second, so that nobody thinks we hang. */
static bool
wait_for_end(int seconds)
{
	int64_t next = clock_in(1);
	struct timespec t = { 0, POLL_MS * 1000000 };

	while (running() != 0) {
		if (clock_ms() >= next) {
			if (--seconds < 0)
				return false;
			log_info("waiting for the Postfix mail system to"
			    " terminate");
			next = clock_in(1);
		}
		nanosleep(&t, NULL);
	}
	return true;
}

static int
do_stop(void)
{
	pid_t pid = need_running();

	log_info("stopping the Postfix mail system");
	log_flush();
	signal_master(pid, SIGTERM);
	if (wait_for_end(STOP_SECONDS))
		return 0;
	log_info("stopping the Postfix mail system with force");
	signal_master(pid, SIGTERM);
	return wait_for_end(STOP_SECONDS) ? 0 : 1;
}

/* For a shutdown, which is content when there is nothing to stop. */
static int
do_quick_stop(void)
{
	if (running() != 0)
		return do_stop();
	log_info("fatal: the Postfix mail system is not running");
	return 0;
}

static int
do_abort(void)
{
	pid_t pid = need_running();

	log_info("aborting the Postfix mail system");
	log_flush();
	signal_master(pid, SIGTERM);
	signal_master(pid, SIGINT);	/* the second: at once */
	return wait_for_end(STOP_SECONDS) ? 0 : 1;
}

static int
do_reload(void)
{
	pid_t pid = need_running();

	services_check();
	log_info("refreshing the Postfix mail system");
	log_flush();
	signal_master(pid, SIGHUP);
	return 0;
}

static int
do_flush(void)
{
	char *path = mem_printf("%s/postqueue", conf_mail.command_directory);
	char  name[] = "postqueue", f[] = "-f", *argv[] = { name, f, NULL };

	execv(path, argv);
	fatal("execute %s", path);
}

static int
do_set_permissions(void)
{
	const char *why;

	if (!layout_make(&why) || !layout_set_permissions(&why))
		fatalx("%s", why);
	return 0;
}

static int
do_upgrade(void)
{
	services_upgrade();
	return 0;
}

static void
compress(const char *compressor, char *file)
{
	char *program, *argv[3];

	program = strchr(compressor, '/') != NULL ? mem_strdup(compressor) :
	    mem_printf("/usr/bin/%s", compressor);
	argv[0] = program;
	argv[1] = file;
	argv[2] = NULL;
	if (proc_run(argv, NULL, -1, -1, 0) != 0)
		fatalx("logfile '%s' rotation failed: %s %s: it is there, "
		    "uncompressed", conf_mail.maillog_file, program, file);
	mem_free(program);
}

/* In the words of mv(1), which does it in Postfix. */
static void
rename_log(const char *file, const char *to)
{
	if (rename(file, to) == 0)
		return;
	if (errno == ENOENT)
		fatalx("logfile '%s' rotation failed: mv: cannot stat '%s': "
		    "%s", file, file, strerror(errno));
	fatalx("logfile '%s' rotation failed: mv: cannot move '%s' to '%s': "
	    "%s", file, file, to, strerror(errno));
}

/* The new file is made by postlogd, when reload has started it anew. */
static int
do_logrotate(void)
{
	char	   suffix[64], *to;
	const char *file = conf_mail.maillog_file;
	time_t	   now = time(NULL);
	struct tm  tm;
	pid_t	   pid;

	if (*file == '\0')
		fatalx("empty 'maillog_file' parameter value - logfile"
		    " rotation failed");
	if (text_starts(file, "/dev/"))
		fatalx("not rotating '%s'", file);
	localtime_r(&now, &tm);
	if (strftime(suffix, sizeof suffix,
	    conf_mail.maillog_file_rotate_suffix, &tm) == 0)
		fatalx("parameter maillog_file_rotate_suffix is too long");
	to = mem_printf("%s.%s", file, suffix);
	rename_log(file, to);
	if ((pid = running()) != 0) {
		signal_master(pid, SIGHUP);
		sleep(1);	/* lines on their way to the old file */
	}
	if (conf_mail.maillog_file_compressor[0] != '\0')
		compress(conf_mail.maillog_file_compressor, to);
	mem_free(to);
	return 0;
}

/* --- commands that are scripts in daemon_directory */

/* What they and multi_instance_wrapper find in their environment. */
static void
export_places(void)
{
	static const char *const names[] = {
		"command_directory", "daemon_directory", "queue_directory",
		"data_directory", "meta_directory", "mail_owner",
		"setgid_group", "sendmail_path", "openssl_path",
	};
	const char *value;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if ((value = conf_value(names[i])) != NULL)
			setenv(names[i], value, 1);
	setenv("config_directory", conf_dir(), 1);
	setenv("MAIL_LOGTAG", conf_mail.syslog_name, 1);
}

static int
run_script(const char *name, char **args)
{
	char  *path = mem_printf("%s/postfix-%s-script",
		conf_mail.daemon_directory, name);
	size_t n = 0;
	char **argv;

	while (args[n] != NULL)
		n++;
	argv = mem_alloc((n + 2) * sizeof *argv);
	argv[0] = path;
	memcpy(argv + 1, args, (n + 1) * sizeof *argv);
	export_places();
	log_flush();
	execv(path, argv);
	fatal("execute %s", path);
}

/*
 * The instance manager, when this is the primary of several instances and
 * nobody said which one is meant.  start-fg is for the one process that a
 * service manager looks after.
 */
static void
run_wrapper(int argc, char **argv)
{
	char  *copy, *next, *word, **words;
	size_t n = 0;

	if (conf_mail.multi_instance_wrapper[0] == '\0' ||
	    text_eq(argv[0], "start-fg"))
		return;
	next = copy = mem_strdup(conf_mail.multi_instance_wrapper);
	words = mem_alloc((strlen(copy) + (size_t)argc + 2) * sizeof *words);
	while ((word = text_word(&next, " \t", false)) != NULL)
		words[n++] = word;
	memcpy(words + n, argv, (size_t)(argc + 1) * sizeof *words);
	export_places();
	unsetenv("MAIL_CONFIG");
	execv(words[0], words);
	fatal("execute %s", words[0]);
}

static const char *const scripts[] = { "tls", "non-bdb", "setup", "migrate" };

static const struct {
	const char *name;
	int	  (*run)(void);
} commands[] = {
	{ "start", do_start }, { "start-fg", do_start_fg },
	{ "stop", do_stop }, { "quick-stop", do_quick_stop },
	{ "abort", do_abort }, { "drain", do_stop },
	{ "reload", do_reload }, { "flush", do_flush },
	{ "check", do_check }, { "status", do_status },
	{ "set-permissions", do_set_permissions },
	{ "upgrade-configuration", do_upgrade },
	{ "logrotate", do_logrotate },
};

/* --- */

static void
only_for_owner(void)
{
	if (geteuid() == 0 || layout_is_own_instance())
		return;
	log_error("to submit mail, use the Postfix sendmail command");
	fatalx("the postfix command is reserved for the superuser");
}

/* Lines are those of a helper script in Postfix; log parsers know them so. */
static void
open_log(void)
{
	char *tag = mem_printf("%s/postfix-script", conf_mail.syslog_name);
	char *name = mem_printf("%s/postlog", conf_mail.syslog_name);
	char *path = mem_printf("%s/public/%s", conf_mail.queue_directory,
	    conf_mail.postlog_service_name);

	log_set_host(conf_mail.myhostname);
	log_set_name(name);
	log_open(conf_mail.maillog_file[0] != '\0' ? LOG_TO_SOCKET :
	    LOG_TO_SYSLOG, tag, path,
	    log_facility(conf_mail.syslog_facility));
	log_also_stderr(true);
	mem_free(tag);
	mem_free(name);
	mem_free(path);
}

/* True: one instance is meant. */
static bool
parse_options(int argc, char **argv)
{
	bool has_dir = false;
	int  c;

	while ((c = getopt(argc, argv, "+c:Dv")) != -1) {
		switch (c) {
		case 'c':
			if (optarg[0] != '/')
				fatalx("-c requires absolute pathname");
			conf_set_dir(optarg);
			has_dir = true;
			break;
		case 'D': break;
		case 'v': verbose++; break;
		default:
			fatalx("usage: %s [-c config_dir] [-Dv] command",
			    argv[0]);
		}
	}
	return has_dir;
}

int
main(int argc, char **argv)
{
	const char *why, *command;
	bool	    alone = getenv("MAIL_CONFIG") != NULL;

	log_set_name("postfix");
	alone |= parse_options(argc, argv);
	conf_set_brief(!isatty(STDERR_FILENO));
	if (!conf_read(&why) || !conf_load(&param_mail, &why)) {
		conf_warn_read();
		fatalx("%s", why);
	}
	only_for_owner();
	if (!identity_check(&why) || !accounts_check(&why) ||
	    !maillog_check(&why))
		fatalx("%s", why);
	setenv("MAIL_CONFIG", conf_dir(), 1);
	umask(022);
	command = optind < argc ? argv[optind] : "";
	if (text_eq(command, "explain"))
		return explain_main(argc - optind, argv + optind);
	open_log();
	if (!alone && optind < argc)
		run_wrapper(argc - optind, argv + optind);
	/* the others don't look at arguments */
	if (text_eq(command, "logrotate") && optind + 1 < argc)
		fatalx("usage postfix logrotate (no arguments)");
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
		if (text_eq(scripts[i], command))
			return run_script(command, argv + optind + 1);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (text_eq(commands[i].name, command))
			return commands[i].run();
	fatalx("unknown command: '%s'. Usage: postfix start (or stop, reload,"
	    " abort, flush, check, status, set-permissions,"
	    " upgrade-configuration, logrotate, tls, non-bdb)", command);
}
