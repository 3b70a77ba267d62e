/* maillog - where the log goes, by main.cf */

#ifndef SERVER_MAILLOG_H
#define SERVER_MAILLOG_H

#include <stdbool.h>

/*
 * Opens the log of a program with conf_mail's settings: tag
 * "syslog_name/program", and maillog_file through postlogd, or syslog, or
 * standard output.  The working directory is queue_directory.
 *
 * `direct`: maillog_file is appended to without postlogd, by those that run
 * before it does, or in its place.  Settings that can't be are fatal.
 */
void	maillog_open(const char *program, bool direct);

/* maillog_format, and lines in that form (a log_format_fn). */
struct buf;

bool	maillog_is_json(void);
void	maillog_add_json(struct buf *, const char *lines, unsigned long len);

/* The service that counts what is logged, while metrics_listen is set: master
 * has it without a line in master.cf.  Everyone's lines go to its datagram
 * socket in public/. */
#define METRICS_SERVICE "metrics"

/*
 * maillog_file is below one of maillog_file_prefixes, or not set.  The second
 * takes conf_mail's and gives a reason.
 */
bool	maillog_is_allowed(const char *path, const char *prefixes);
bool	maillog_check(const char **ret_why);

#define MAILLOG_NOT_ALLOWED "maillog_file value '%s' does not match any" \
	" prefix in maillog_file_prefixes"

/* There is such a file, or none is needed: made if need be.  False with why. */
bool	maillog_can_write(const char **ret_why);

/* Opens maillog_file for appending, made with maillog_file_permissions; -1
 * with a reason that says what to write.  Stands nowhere but below
 * maillog_file_prefixes. */
int	maillog_open_file(const char **ret_why);

#endif
