/* layout - directories of the mail system: owners, modes, what is missing */

#ifndef SERVER_LAYOUT_H
#define SERVER_LAYOUT_H

#include <stdbool.h>

/* conf_mail must be loaded. */

/* mail_owner is the calling user: an instance without the superuser. */
bool	layout_is_own_instance(void);

/* Makes queue_directory, what belongs into it, and data_directory, with
 * their owners and modes.  What is there is left alone.  False with why. */
bool	layout_make(const char **ret_why);

/* Logs warnings about owners and modes that are not as they should be, and
 * about damaged messages. */
void	layout_check(void);

/* Puts owners and modes right, those of the set-gid commands too. */
bool	layout_set_permissions(const char **ret_why);

#endif
