/* path - who decides where a path leads */

#ifndef UTIL_PATH_H
#define UTIL_PATH_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Who owns a directory on the way may put another file, or a link to one, in
 * the place of the next name; in a sticky one (/tmp) the owner of the name may
 * too, and so may who made a link that is followed.  Root is not counted.  A
 * group that may write into a directory counts as its owner, who let it in.
 */
struct path_steer {
	bool	by_user;	/* by `uid` alone, if not by many */
	uid_t	uid;
	bool	by_many;	/* by several users, or by anybody */
};

/*
 * Follows an absolute path, links too, and tells what it leads to now and who
 * could change that.  False with errno, as stat(2); ENAMETOOLONG also for links
 * that make it longer than PATH_MAX.  To be called with root's rights, since it
 * looks where others may not.
 */
bool	path_follow(const char *path, struct stat *ret_st,
	    struct path_steer *ret_steer);

/* May none but root and `uid` change where it leads? */
bool	path_is_steered_by(const struct path_steer *, uid_t uid);

#endif
