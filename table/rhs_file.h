/* rhs_file - values that name files (private to table/ and its tools) */

#ifndef TABLE_RHS_FILE_H
#define TABLE_RHS_FILE_H

#include <stdbool.h>

struct buf;
struct table;

/* What the files hold that `names` lists, with a newline between them, as
 * base64.  False with "open FILE: reason" in `why`. */
bool	rhs_file_read(const char *names, struct buf *ret, struct buf *why);

/*
 * The value an entry shall have: `value` itself, or, if the table was opened
 * with TABLE_SRC_IS_FILE, what its files hold; that lives in `room`.  NULL
 * with why.
 */
char	*rhs_file_value(const struct table *, char *value, struct buf *room,
	    struct buf *why);

#endif
