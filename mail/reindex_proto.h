/* reindex_proto - asking for a table in place of Berkeley DB's: nbdb_reindexd */

#ifndef MAIL_REINDEX_PROTO_H
#define MAIL_REINDEX_PROTO_H

/*
 * On private/nbdb_reindex (non_bdb_migration_service_name), one question, one
 * answer:
 *
 *	C: BUILD table		S: BUILT status
 *
 * It does no harm twice: a table that is there is not built again.
 */
enum reindex_frame { REINDEX_BUILD = 1, REINDEX_BUILT };

enum reindex_key {
	REINDEX_KEY_TABLE = 1,	/* str: "hash:/etc/postfix/transport" */
	REINDEX_KEY_STATUS,	/* u64: 1 it is there now, 0 it is not */
};

enum { REINDEX_FRAME_MAX = 8192 };	/* bytes */

#endif
