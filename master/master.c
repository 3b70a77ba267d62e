/*
 * master - starts the mail system's programs as they are needed
 *
 * Runs as root for long (or wholly as the ordinary user that started it), so
 * it does little: binds sockets, starts workers, watches them, wakes them,
 * reloads, stops.  It trusts main.cf and master.cf, and nothing that workers
 * say beyond single bytes about their own state; it reads nothing from any
 * network.
 *
 * SIGHUP		new configuration; sessions go on in old workers
 * SIGTERM, SIGINT	orderly stop: connections are refused, workers end,
 *			deliveries at hand are finished within some seconds;
 *			postlogd last
 * the same again	at once
 *
 * When master is killed its workers notice and end; sockets and locks are
 * the kernel's to release, so that it can be started again at once.
 */

#include "master/master.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "master/loop.h"
#include "master/start.h"
#include "net/addr.h"
#include "net/connect.h"
#include "server/accounts.h"
#include "server/identity.h"
#include "server/maillog.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/text.h"

enum {
	FILES_WANTED = 65536,	/* descriptors a worker may have */
	POLITE_MS = 4000,	/* for deliveries when stopping; "postfix stop"
				   waits for five seconds */
	FIRM_MS = 700,		/* then, after SIGTERM to all */
};

struct master master = { .jobs = LIST_INIT(master.jobs) };

static struct {
	bool	test, init, keep_output, background, debug;
	int	exit_seconds;
	int	stop_signal;	/* that asked us to stop */
	bool	hurry;		/* it came twice */
} opt;

static struct watch signals;

/* --- signals */

static void reload(void);

static void
on_signal(struct watch *w)
{
	struct signalfd_siginfo info;

	if (read(w->fd, &info, sizeof info) != sizeof info)
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		workers_reap();
		break;
	case SIGHUP:
		if (!master.stopping)
			reload();
		break;
	default:
		opt.hurry = opt.stop_signal != 0;
		opt.stop_signal = (int)info.ssi_signo;
		break;
	}
}

static void
take_signals(void)
{
	sigset_t set;
	int	 fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		fatal("signalfd");
	watch_init(&signals, fd, on_signal);
	watch_on(&signals);
}

/* --- configuration */

static bool
read_main_cf(const char **ret_why)
{
	if (!conf_read(ret_why) || !conf_load(&param_mail, ret_why))
		return false;
	addr_set_known_ports(conf_mail.known_tcp_ports);
	connect_set_window(conf_mail.tcp_windowsize);
	return true;
}

static void
find_owner(void)
{
	const struct passwd *pw;
	const char	    *why;

	master.is_root = geteuid() == 0;
	if (!master.is_root)
		return;
	if (!identity_check(&why) || !accounts_check(&why))
		fatalx("%s", why);
	pw = getpwnam(conf_mail.mail_owner);
	master.owner_uid = pw->pw_uid;
	master.owner_gid = pw->pw_gid;
}

/* What is wrong is said, and everything stays as it was. */
static void
reload(void)
{
	const char *why;

	if (!read_main_cf(&why)) {
		log_error("reload: %s; going on with the old configuration",
		    why);
		return;
	}
	log_info("reload -- version %s, configuration %s",
	    conf_mail.mail_version, conf_dir());
	conf_warn_unknown();
	master.generation++;
	if (!jobs_read(&why))
		log_error("reload: %s; going on with the old configuration",
		    why);
}

/* --- stopping */

static bool
is_logger(const struct job *j)
{
	return text_eq(j->s.program, "postlogd");
}

static int
count_workers(bool loggers)
{
	int n = 0;

	LIST_EACH(it, &master.jobs) {
		const struct job *j = LIST_ENTRY(it, struct job, link);

		if (is_logger(j) == loggers)
			n += workers_count(j);
	}
	return n;
}

static void
kill_workers(bool loggers, int signo)
{
	LIST_EACH(it, &master.jobs) {
		struct job *j = LIST_ENTRY(it, struct job, link);

		if (is_logger(j) == loggers)
			workers_kill(j, signo);
	}
}

static void
wait_for_workers(bool loggers, int64_t ms)
{
	int64_t until = clock_ms() + ms;

	while (count_workers(loggers) > 0 && clock_ms() < until && !opt.hurry)
		loop_turn(until);
}

/* Programs that serve one delivery at a time would die of SIGTERM in the
 * middle of it: they are asked to end after it. */
static void
stop_politely(void)
{
	LIST_EACH(it, &master.jobs) {
		struct job *j = LIST_ENTRY(it, struct job, link);

		if (j->s.type == SERVICE_INET)
			listen_close(j);
		if (is_logger(j))
			continue;
		if (j->kind == JOB_SINGLE)
			workers_retire(j);
		else
			workers_kill(j, SIGTERM);
	}
}

static void
stop(void)
{
	master.stopping = true;
	LIST_EACH(it, &master.jobs)
		job_update(LIST_ENTRY(it, struct job, link));
	stop_politely();
	wait_for_workers(false, POLITE_MS);
	kill_workers(false, SIGTERM);
	wait_for_workers(false, FIRM_MS);
	opt.hurry = false;
	kill_workers(false, SIGKILL);
	wait_for_workers(false, FIRM_MS);
	log_flush();
	kill_workers(true, SIGTERM);
	wait_for_workers(true, FIRM_MS);
	kill_workers(true, SIGKILL);
	/* Without postlogd this line has nowhere to go; syslog and standard
	 * output get it. */
	log_info("terminating on signal %d", opt.stop_signal);
	log_flush();
	exit(0);
}

/* --- */

static void
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_max < FILES_WANTED) {
		limit.rlim_max = FILES_WANTED;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	proc_max_files();
}

static int
number(const char *text)
{
	long n;

	if (!text_to_long(text, 1, 1000000000, &n))
		fatalx("option -e wants a number of seconds, not \"%s\"", text);
	return (int)n;
}

static void
parse_options(int argc, char **argv)
{
	int c;

	opterr = 0;
	while ((c = getopt(argc, argv, "c:dDe:istvVw")) != -1) {
		switch (c) {
		case 'c': conf_set_dir(optarg); break;
		case 'd': opt.debug = true; break;
		case 'D': case 'V': break;
		case 'e': opt.exit_seconds = number(optarg); break;
		case 'i': opt.init = opt.keep_output = true; break;
		case 's': opt.keep_output = true; break;
		case 't': opt.test = true; break;
		case 'v': log_verbose++; break;
		case 'w': opt.background = true; break;
		default:
			fatalx("usage: %s [-c config_dir] [-d (debug)] [-D]"
			    " [-e exit_time] [-i (init)] [-s] [-t (test)]"
			    " [-v] [-w (wait for start)]", argv[0]);
		}
	}
	if (optind < argc)
		fatalx("%s takes no arguments, but got \"%s\"", argv[0],
		    argv[optind]);
	if (opt.init && getpid() != 1)
		fatalx("option -i is for process 1 of a container; use -s");
	if (opt.background && (opt.debug || opt.keep_output))
		fatalx("option -w goes with neither -d, -i nor -s");
}

/* Until all sockets are bound trouble is shown to who started us, and goes to
 * the log file directly: postlogd does not run yet. */
static void
start(void)
{
	const char *why;

	find_owner();
	umask(022);
	start_clean_environment();
	if (opt.background)
		start_in_background();
	else if (!opt.keep_output && !opt.debug)
		setsid();
	maillog_open("master", true);
	log_also_stderr(true);
	if (!maillog_can_write(&why))
		fatalx("%s", why);
	start_lock();
	raise_limits();
	take_signals();
	conf_warn_unknown();
	if (!jobs_read(&why))
		fatalx("%s", why);
	log_flush();
	log_also_stderr(opt.debug);
	if (!opt.debug)
		start_detach(opt.keep_output);
	maillog_open("master", false);
	log_info("daemon started -- version %s, configuration %s",
	    conf_mail.mail_version, conf_dir());
	start_done();
}

int
main(int argc, char **argv)
{
	const char *why;
	int64_t	    exit_at = CLOCK_NEVER, at;

	log_set_name("postfix/master");
	parse_options(argc, argv);
	conf_set_brief(!isatty(STDERR_FILENO));
	if (!read_main_cf(&why)) {
		conf_warn_read();
		fatalx("%s", why);
	}
	if (chdir(conf_mail.queue_directory) < 0)
		fatal("chdir %s", conf_mail.queue_directory);
	if (opt.test)
		return start_is_locked() ? 1 : 0;
	start();
	if (opt.exit_seconds > 0)
		exit_at = clock_in(opt.exit_seconds);
	while (opt.stop_signal == 0 && clock_ms() < exit_at) {
		at = jobs_next();
		loop_turn(at < exit_at ? at : exit_at);
		jobs_tick();
	}
	if (opt.stop_signal == 0)
		opt.stop_signal = SIGTERM;
	stop();
}
