/* maillog - where the log goes, by main.cf */

#include "server/maillog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "mail/log_json.h"
#include "mail/log_line.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static int
fail(const char **ret_why, const char *fmt, const char *a, const char *b)
{
	static char text[512];

	snprintf(text, sizeof text, fmt, a, b);
	*ret_why = text;
	return -1;
}

int
maillog_open_file(const char **ret_why)
{
	const char *path = conf_mail.maillog_file, *text;
	char	   *end;
	long	    mode;
	int	    fd;

	text = conf_mail.maillog_file_permissions;
	mode = strtol(text, &end, 8);
	if (*text == '\0' || *end != '\0' || mode < 0 || mode > 0777)
		return fail(ret_why, "parameter maillog_file_permissions:"
		    " \"%s\"%s; write 0600, 0640 or 0644", text, "");
	if (!maillog_check(ret_why))
		return -1;
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == ENOENT) {
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
		    O_NOCTTY, 0600);
		if (fd < 0)
			return fail(ret_why, "open logfile '%s': cannot create"
			    " file exclusively: %s", path, strerror(errno));
		fchmod(fd, (mode_t)mode);	/* umask or not */
	}
	if (fd < 0)
		return fail(ret_why, "open logfile '%s': cannot open file: %s",
		    path, strerror(errno));
	return fd;
}

bool
maillog_can_write(const char **ret_why)
{
	int fd;

	if (conf_mail.maillog_file[0] == '\0' ||
	    text_eq(conf_mail.maillog_file, "/dev/stdout"))
		return true;
	fd = maillog_open_file(ret_why);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool
maillog_is_json(void)
{
	if (text_eq(conf_mail.maillog_format, "json"))
		return true;
	if (!text_eq(conf_mail.maillog_format, "classic"))
		fatalx("parameter maillog_format: unknown format \"%s\"; write"
		    " classic or json", conf_mail.maillog_format);
	return false;
}

void
maillog_add_json(struct buf *b, const char *lines, unsigned long len)
{
	static struct log_clock clock;

	clock.latest = time(NULL);
	log_json_lines(b, lines, len, &clock);
}

void
maillog_open(const char *program, bool direct)
{
	char *tag = mem_printf("%s/%s", conf_mail.syslog_name, program);
	char *path = mem_printf("public/%s", conf_mail.postlog_service_name);
	int   facility = log_facility(conf_mail.syslog_facility);
	const char *why;

	if (facility < 0)
		fatalx("parameter syslog_facility: unknown name \"%s\"; write"
		    " mail, daemon or local0 to local7",
		    conf_mail.syslog_facility);
	log_set_host(conf_mail.myhostname);
	log_set_format(maillog_is_json() ? maillog_add_json : NULL);
	if (text_eq(conf_mail.maillog_file, "/dev/stdout"))
		log_open(LOG_TO_STDOUT, tag, NULL, facility);
	else if (conf_mail.maillog_file[0] == '\0')
		log_open(LOG_TO_SYSLOG, tag, NULL, facility);
	else if (direct && maillog_can_write(&why))
		log_open(LOG_TO_FILE, tag, conf_mail.maillog_file, facility);
	else
		log_open(LOG_TO_SOCKET, tag, path, facility);
	log_copy_to(conf_mail.metrics_listen[0] != '\0' &&
	    !text_eq(program, METRICS_SERVICE) ?
	    "public/" METRICS_SERVICE : NULL);
	mem_free(tag);
	mem_free(path);
}
