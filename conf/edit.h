/* edit - changing main.cf and keeping everything else in it as it is */

#ifndef CONF_EDIT_H
#define CONF_EDIT_H

#include <stdbool.h>

struct buf;
struct map;

/*
 * Comments, order, and all bytes of other entries stay.  An entry that is set
 * becomes one line in the place of the old one; comments inside the old one
 * stay behind it; a new entry goes to the end.
 */
enum edit_how {
	EDIT_SET,	/* values of the map: const char * */
	EDIT_COMMENT,	/* a '#' in front of every line of the entry */
	EDIT_REMOVE,
};

/*
 * Edits the text of a main.cf.  The names are the keys of the map.  Names that
 * stood in it more than once are reported (may be NULL).  False with why if
 * the text is no main.cf.
 */
bool	edit_main_cf(const struct buf *old, struct buf *ret, enum edit_how,
	    const struct map *names, void (*report_double)(const char *name),
	    const char **ret_why);

/* Could a new file take this one's place?  False with errno. */
bool	edit_may_write(const char *path);

/* Replaces a file in one step; a symbolic link stays one.  False with why. */
bool	edit_write(const char *path, const struct buf *content,
	    const char **ret_why);

/* Adds text with '#' before each of its lines, but those that are comments or
 * empty already. */
void	edit_comment_out(struct buf *, const char *text, const char *end);

/* Adds the comment and empty lines among the lines of the text. */
void	edit_keep_comments(struct buf *, const char *text, const char *end);

#endif
