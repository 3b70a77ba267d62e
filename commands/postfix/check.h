/* check - what will bite: found before mail is lost or an open relay found */

#ifndef COMMANDS_POSTFIX_CHECK_H
#define COMMANDS_POSTFIX_CHECK_H

#include <stdbool.h>

/* Logs a warning for each.  conf_mail and conf_smtpd are loaded. */
void	check_tables(bool running);
void	check_relay(void);
void	check_certificates(void);
void	check_name(void);	/* asks the DNS */

#endif
