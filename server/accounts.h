/* accounts - the users and groups that main.cf names */

#ifndef SERVER_ACCOUNTS_H
#define SERVER_ACCOUNTS_H

#include <stdbool.h>

/*
 * Are mail_owner, default_privs and setgid_group accounts of this host, none
 * of them the superuser's, and the first two not the same?  Anything else
 * would hand out the rights that they are there to keep apart.  Asked only
 * by a process that may change its own; an ordinary user's instance runs all
 * as that user.  conf_mail must be loaded.  False with why.
 */
bool	accounts_check(const char **ret_why);

/* The same if main.cf names any of them, for a command that ends as soon as it
 * has started: looking for the accounts would take a fifth of its time. */
bool	accounts_check_set(const char **ret_why);

#endif
