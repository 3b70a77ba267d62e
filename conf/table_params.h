/* table_params - which settings the files of database tables know */

#ifndef CONF_TABLE_PARAMS_H
#define CONF_TABLE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * "mysql:/etc/postfix/users.cf" names a file of settings, written as main.cf
 * is; "mysql:users" has them in main.cf itself, as users_hosts and so on.
 */
struct table_params {
	const char	*type;		/* "mysql" */
	const char	*const *names;	/* NULL ends */
};

/* A NULL type ends. */
extern const struct table_params table_params[];

bool		 table_params_has(const struct table_params *,
		     const char *name);

/* The one most like it, or NULL. */
const char	*table_params_nearest(const struct table_params *,
		     const char *name);

/*
 * Finds the next table of these types in a list: its type, and its file or
 * name as `len` bytes.  `p` is where to begin; returns where to go on, or
 * NULL at the end.
 */
const char	*table_params_scan(const char *p,
		     const struct table_params **ret_type,
		     const char **ret_name, size_t *ret_len);

#endif
