/*
 * postlog - write lines to the mail log
 *
 * For scripts of administrators; whoever may write to the log may use it.
 * Where it was made set-gid to setgid_group, so that every user can reach
 * postlogd, it believes a caller no more than postdrop does.  Takes one line
 * from its arguments, or one a line of standard input, and repeats them on
 * standard error.  Ends with 0, or 1 if the log can't be written.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/command.h"
#include "server/maillog.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum { LINE_LONGEST = 8192 };	/* bytes of input taken as one line */

static const struct severity {
	const char *name;
	const char *label;
	void	  (*log)(const char *fmt, ...)
		    __attribute__((format(printf, 1, 2)));
} severities[] = {
	{ "info", "", log_info },
	{ "warn", "", log_warn },
	{ "warning", "", log_warn },
	{ "error", "", log_error },
	{ "err", "", log_error },
	/* These do not end us: the caller does. */
	{ "fatal", "fatal: ", log_info },
	{ "crit", "fatal: ", log_info },
	{ "panic", "panic: ", log_info },
};

static const struct severity *severity = &severities[0];
static const char	     *tag;
static const char	     *priority;

static const struct severity *
find_severity(const char *name)
{
	for (size_t i = 0; i < sizeof severities / sizeof *severities; i++)
		if (text_eq(severities[i].name, name))
			return &severities[i];
	fatalx("bad severity: \"%s\"", name);
}

static void
log_line(const char *line)
{
	severity->log("%s%s", severity->label, line);
}

static void
log_arguments(char **argv)
{
	struct buf b = BUF_INIT;

	for (; *argv != NULL; argv++) {
		if (b.len > 0)
			buf_addc(&b, ' ');
		buf_adds(&b, *argv);
	}
	log_line(b.data);
	buf_done(&b);
}

static void
log_input(void)
{
	char line[LINE_LONGEST];

	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		log_line(line);
	}
}

/*
 * A mail system that runs takes lines over postlogd; when none does, the
 * superuser's go into the file directly.
 */
static void
open_log(void)
{
	char *socket = mem_printf("%s/public/%s", conf_mail.queue_directory,
	    conf_mail.postlog_service_name);
	int   facility = log_facility(conf_mail.syslog_facility);
	const char *why;
	int   fd;

	if (!maillog_check(&why))
		fatalx("%s", why);
	log_set_host(conf_mail.myhostname);
	log_set_format(maillog_is_json() ? maillog_add_json : NULL);
	if (conf_mail.maillog_file[0] == '\0')
		log_open(LOG_TO_SYSLOG, tag, NULL, facility);
	else if (log_reaches(socket))
		log_open(LOG_TO_SOCKET, tag, socket, facility);
	else if (text_eq(conf_mail.maillog_file, "/dev/stdout"))
		log_open(LOG_TO_STDOUT, tag, NULL, facility);
	else if ((fd = maillog_open_file(&why)) < 0)
		fatalx("%s", why);
	else {
		close(fd);
		log_open(LOG_TO_FILE, tag, conf_mail.maillog_file, facility);
	}
	log_also_stderr(true);
	mem_free(socket);
}

static void
parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+c:ip:t:v")) != -1) {
		switch (c) {
		case 'c': conf_set_dir(optarg); break;
		case 'i': break;	/* process numbers are always shown */
		case 'p': priority = optarg; break;
		case 't': tag = optarg; break;
		case 'v': log_verbose++; break;
		default:
			fatalx("usage: postlog [-c config_dir] [-i] [-p"
			    " priority] [-t tag] [-v] [text]");
		}
	}
}

int
main(int argc, char **argv)
{
	command_name(argv[0]);
	log_set_name("postfix/postlog");
	parse_options(argc, argv);
	if (priority != NULL)
		severity = find_severity(priority);
	command_configure(1);
	if (tag == NULL && (tag = getenv("MAIL_LOGTAG")) == NULL)
		tag = mem_printf("%s/postlog", conf_mail.syslog_name);
	open_log();
	if (optind < argc)
		log_arguments(argv + optind);
	else
		log_input();
	return log_flush() ? 0 : 1;
}
