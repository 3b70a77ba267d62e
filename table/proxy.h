/* proxy - questions to proxymap(8) (private to table/) */

#ifndef TABLE_PROXY_H
#define TABLE_PROXY_H

#include "table/ask.h"

/* Looks `key` up in the table `name` ("unix:passwd.byname"), with `t`'s
 * flags; what goes wrong is told in `t`. */
enum table_result proxy_find(struct table *t, struct ask_server *,
		    const char *name, const char *key, struct buf *ret);

#endif
