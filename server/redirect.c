#include "server/redirect.h"

#include "conf/param.h"
#include "mail/peer.h"
#include "mail/reindex_proto.h"
#include "table/table.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static bool
ask_for(const char *table)
{
	char	    *path = mem_printf("private/%s",
	    conf_mail.non_bdb_migration_service_name);
	struct frame f = FRAME_INIT, answer = FRAME_INIT;
	bool	     ok;

	frame_begin(&f, REINDEX_BUILD);
	frame_put_str(&f, REINDEX_KEY_TABLE, table);
	if (!peer_call(path, &f, &answer, REINDEX_FRAME_MAX)) {
		log_warn("%s: %m; is the service in master.cf?", path);
		ok = false;
	} else {
		ok = answer.type == REINDEX_BUILT &&
		    frame_u64(&answer, REINDEX_KEY_STATUS, 0) == 1;
	}
	frame_done(&answer);
	frame_done(&f);
	mem_free(path);
	return ok;
}

void
redirect_tables(bool may_ask)
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
	if (may_ask && text_eq(level, "enable-reindex"))
		table_on_missing(ask_for);
}
