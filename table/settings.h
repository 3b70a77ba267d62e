/* settings - what a database table's own .cf file says (private to table/) */

#ifndef TABLE_SETTINGS_H
#define TABLE_SETTINGS_H

#include <stdbool.h>

#include "table/table_type.h"

struct map;

/*
 * "type:/path" and "type:./path" name a file, written as main.cf is but
 * without $name expansion; of "type:NAME" the settings are the main.cf
 * parameters NAME_setting.
 */
struct settings {
	struct table	*table;
	char		*file, *prefix;	/* one of them */
	struct map	*texts;
	bool		 failed;
};

/* Reads the file, watched from then on.  False after table_fail(). */
bool	settings_init(struct settings *, struct table *);
void	settings_done(struct settings *);

/*
 * Values; `def` if it is not set.  The first that is wrong sets `failed`,
 * after table_fail().  What is returned lives as long as the settings.
 */
const char *settings_text(struct settings *, const char *name,
	    const char *def);
const char *settings_need(struct settings *, const char *name);
int	settings_int(struct settings *, const char *name, int def, int min);
int	settings_seconds(struct settings *, const char *name, int def);
bool	settings_bool(struct settings *, const char *name, bool def);
bool	settings_has(struct settings *, const char *name);

/* For what the functions above can't know. */
void	settings_fail(struct settings *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
