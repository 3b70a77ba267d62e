/* services - what master.cf must have, before master itself reads it */

#ifndef COMMANDS_POSTFIX_SERVICES_H
#define COMMANDS_POSTFIX_SERVICES_H

/* Ends with a reason when master.cf is missing, can't be understood, or has
 * no postlog service though maillog_file wants one. */
void	services_check(void);

/* Adds the entries that a later release brought, one line of output each. */
void	services_upgrade(void);

#endif
