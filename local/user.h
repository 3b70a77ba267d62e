/* user - system users, looked up and remembered for some seconds */

#ifndef LOCAL_USER_H
#define LOCAL_USER_H

#include <stdbool.h>
#include <sys/types.h>

struct pool;

struct user {
	const char	*name, *home, *shell;
	uid_t		 uid;
	gid_t		 gid;
};

enum user_result { USER_OK, USER_UNKNOWN, USER_ERROR };

/* The result is the pool's.  USER_ERROR: the user database can't be asked
 * now. */
enum user_result user_find(struct pool *, const char *name,
	    const struct user **ret);
enum user_result user_find_uid(struct pool *, uid_t,
	    const struct user **ret);

#endif
