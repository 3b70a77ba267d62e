/* user - system users, looked up and remembered for a second */

#ifndef LOCAL_USER_H
#define LOCAL_USER_H

#include <stdbool.h>
#include <sys/types.h>

struct user {
	const char	*name, *home, *shell;
	uid_t		 uid;
	gid_t		 gid;
};

enum user_result { USER_OK, USER_UNKNOWN, USER_ERROR };

/* The result lives until the next call.  USER_ERROR: the user database can't
 * be asked now. */
enum user_result user_find(const char *name, const struct user **ret);

#endif
