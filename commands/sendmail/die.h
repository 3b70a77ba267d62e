/* die - what sendmail has to say, in the mail log too */

#ifndef COMMANDS_SENDMAIL_DIE_H
#define COMMANDS_SENDMAIL_DIE_H

/*
 * The end; a warning.  main.cf, which is read for it, may have trouble of its
 * own: then that is the reason.  What conf_value() returned before is gone,
 * but may be in the text.
 */
void	die(const char *fmt, ...)
	    __attribute__((noreturn, format(printf, 1, 2)));
void	complain(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));

#endif
