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

/* Opens maillog_file for appending, made with maillog_file_permissions; -1
 * with a reason that says what to write.  Stands nowhere but below
 * maillog_file_prefixes. */
int	maillog_open_file(const char **ret_why);

#endif
