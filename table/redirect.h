/* redirect - other types behind the names of Berkeley DB's: lmdb for hash */

#ifndef TABLE_REDIRECT_H
#define TABLE_REDIRECT_H

/* What table_open() opens for "hash:name" after table_redirect() (table.h);
 * the caller frees it.  NULL: what it says. */
char	*redirect_name(const char *type_name);

#endif
