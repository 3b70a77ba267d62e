/* command_attr - user= argv= and the like of pipe and spawn in master.cf */

#ifndef LOCAL_COMMAND_ATTR_H
#define LOCAL_COMMAND_ATTR_H

#include <sys/types.h>

/*
 * "user=NAME" or "user=NAME:GROUP".  A user that mail may not run a command
 * as (root, the mail system's owner, and their groups) or that does not exist
 * ends the program.
 */
struct command_user {
	uid_t	uid;
	gid_t	gid;
};

void	command_attr_user(const char *value, struct command_user *ret);

#endif
