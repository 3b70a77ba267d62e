/* command_attr - user= argv= and the like of pipe and spawn in master.cf */

#ifndef LOCAL_COMMAND_ATTR_H
#define LOCAL_COMMAND_ATTR_H

#include <stdbool.h>
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

/* What pipe and what spawn say. */
struct command_user_texts {
	const char	*no_user, *no_group;	/* the name follows */
	const char	*root, *root_group;
	const char	*owner;
	bool		 names_owner;		/* mail_owner follows */
	const char	*drop_group;		/* NULL: setgid_group will do */
};

void	command_attr_user(const char *value,
	    const struct command_user_texts *, struct command_user *ret);

#endif
