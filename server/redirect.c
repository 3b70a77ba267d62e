#include "server/redirect.h"

#include "conf/param.h"
#include "table/table.h"
#include "util/log.h"
#include "util/text.h"

void
redirect_tables(void)
{
	const char *level = conf_mail.non_bdb_migration_level;

	if (text_eq(level, "enable-redirect") ||
	    text_eq(level, "enable-reindex"))
		table_redirect(conf_mail.default_database_type,
		    conf_mail.default_cache_db_type,
		    conf_mail.non_bdb_migration_log_redirect);
	else if (!text_eq(level, "disable"))
		log_warn("non_bdb_migration_level = %s: write disable, "
		    "enable-redirect or enable-reindex", level);
}
