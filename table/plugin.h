/* plugin - client libraries, loaded at first use (private to table/) */

#ifndef TABLE_PLUGIN_H
#define TABLE_PLUGIN_H

#include "table/table_type.h"

/*
 * A symbol of postfix-TYPE.so, loaded once a process.  It is looked for in
 * /usr/lib/postfix and, by a program without special privileges, where it
 * lies beside the program's own directory: an installation elsewhere, a build
 * tree.  NULL after table_fail().
 */
const void *plugin_load(struct table *, const char *type, const char *symbol);

#endif
