/* redirect - leaving Berkeley DB: non_bdb_migration_level */

#ifndef SERVER_REDIRECT_H
#define SERVER_REDIRECT_H

/* Once conf_mail is loaded, before tables are opened: what "hash:" and "btree:"
 * stand for. */
void	redirect_tables(void);

#endif
