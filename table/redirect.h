/* redirect - other types behind the names of Berkeley DB's: lmdb for hash */

#ifndef TABLE_REDIRECT_H
#define TABLE_REDIRECT_H

#include <stdbool.h>

/* What table_open() opens for "hash:name" after table_redirect() (table.h);
 * the caller frees it.  NULL: what it says. */
char	*redirect_name(const char *type_name);

/* When it was not there, and somebody has made it: true. */
bool	 redirect_made(const char *type_name, const char *other);

#endif
