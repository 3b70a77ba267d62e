/* command - the start that commands have in common */

#ifndef SERVER_COMMAND_H
#define SERVER_COMMAND_H

/*
 * In this order: command_name(), options, command_start().
 *
 * What a user hands to a set-id command is made harmless by the first two:
 * environment, closed standard descriptors, a configuration directory of the
 * user's own.
 *
 * Until command_start() lines go to standard error as "name: warning: ...";
 * afterwards they go to the mail log as well.  Trouble at the start ends the
 * command with `status`.
 */
void	command_name(const char *argv0);

/*
 * Reads main.cf and loads conf_mail.  A set-id command believes a
 * configuration directory of its caller's only when the standard main.cf
 * lists it (alternate_config_directories, multi_instance_directories).
 */
void	command_start(int status);

/* Its two halves: lines go to standard error only in between. */
void	command_configure(int status);
void	command_open_log(int status);

/* To queue_directory; as a command that root runs it becomes mail_owner. */
void	command_enter_queue(int status);

/* Ends with the message, unless root or the owner of the queue calls. */
void	command_superuser_only(int status);

#endif
