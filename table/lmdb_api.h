/* lmdb_api - the part of LMDB's interface that lmdb: tables use */

#ifndef TABLE_LMDB_API_H
#define TABLE_LMDB_API_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Declared here, so that building needs no header of an optional library.
 * The interface has been the same since 0.9.11 (2014).
 */
enum {
	LMDB_NOSUBDIR = 0x4000, LMDB_RDONLY = 0x20000, LMDB_NOLOCK = 0x400000,
	LMDB_NOOVERWRITE = 0x10,
	LMDB_FIRST = 0, LMDB_NEXT = 8,		/* cursor operations */
	LMDB_KEYEXIST = -30799, LMDB_NOTFOUND = -30798,
	LMDB_BAD_VALSIZE = -30781,
};

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;

struct MDB_val {
	size_t	 size;
	void	*data;
};

struct lmdb_api {
	char	*(*error_text)(int);
	int	 (*env_create)(struct MDB_env **);
	int	 (*env_set_mapsize)(struct MDB_env *, size_t);
	int	 (*env_open)(struct MDB_env *, const char *, unsigned, mode_t);
	int	 (*env_sync)(struct MDB_env *, int);
	void	 (*env_close)(struct MDB_env *);
	int	 (*txn_begin)(struct MDB_env *, struct MDB_txn *, unsigned,
		    struct MDB_txn **);
	int	 (*txn_commit)(struct MDB_txn *);
	void	 (*txn_abort)(struct MDB_txn *);
	void	 (*txn_reset)(struct MDB_txn *);
	int	 (*txn_renew)(struct MDB_txn *);
	int	 (*dbi_open)(struct MDB_txn *, const char *, unsigned,
		    unsigned *);
	int	 (*get)(struct MDB_txn *, unsigned, struct MDB_val *,
		    struct MDB_val *);
	int	 (*put)(struct MDB_txn *, unsigned, struct MDB_val *,
		    struct MDB_val *, unsigned);
	int	 (*del)(struct MDB_txn *, unsigned, struct MDB_val *,
		    struct MDB_val *);
	int	 (*cursor_open)(struct MDB_txn *, unsigned,
		    struct MDB_cursor **);
	int	 (*cursor_get)(struct MDB_cursor *, struct MDB_val *,
		    struct MDB_val *, int);
	void	 (*cursor_close)(struct MDB_cursor *);
};

#endif
