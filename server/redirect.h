/* redirect - leaving Berkeley DB: non_bdb_migration_level */

#ifndef SERVER_REDIRECT_H
#define SERVER_REDIRECT_H

#include <stdbool.h>

/* Once conf_mail is loaded, before tables are opened: what "hash:" and "btree:"
 * stand for.  `may_ask`: a table that is not there yet may be had from
 * nbdb_reindexd. */
void	redirect_tables(bool may_ask);

#endif
