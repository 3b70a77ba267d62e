/* tree - a directory with all below it */

#ifndef UTIL_TREE_H
#define UTIL_TREE_H

#include <stdbool.h>

/*
 * Both go down by descriptors: who may write there can't lead them elsewhere by
 * a link in a directory's place.  `path` itself may be a link.
 */

/*
 * Removes sockets and FIFOs, all other files too if `files` says so, then
 * directories that are empty, `path` last.  `left` hears of each directory that
 * stays, with errno.
 */
typedef void tree_left_fn(const char *path);

void	tree_remove(const char *path, bool files, tree_left_fn *left);

/* Is there a regular file whose name does not begin with a dot?  What can't be
 * read counts as empty. */
bool	tree_has_file(const char *path);

#endif
