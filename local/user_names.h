/* user_names - $user, $home, $extension and the like in parameters */

#ifndef LOCAL_USER_NAMES_H
#define LOCAL_USER_NAMES_H

#include <stdbool.h>

struct buf;
struct pool;

/*
 * The values of one recipient: names of forward_path, luser_relay and
 * command_execution_directory.
 */
struct user_names {
	const char	*address;	/* as it came */
	char		*local;		/* in lower case */
	const char	*domain;	/* likewise; "" */
	const char	*ext;		/* within local, the delimiter first; NULL */
	const char	*user;		/* the name without its extension */
	const char	*home, *shell;	/* NULL: nobody's */
	bool		 lacks;		/* set when a name had no value */
	bool		 used_ext;	/* set when $extension was asked for */
};

void	user_names_init(struct user_names *, struct pool *,
	    const char *address);

/* The text with its names replaced; bytes that `filter` (NULL: any) does not
 * have become '_'.  False with why. */
bool	user_names_expand(struct user_names *, struct buf *out,
	    const char *text, const char *filter, const char **ret_why);

#endif
