/* cdb_client - what the plug-in for cdb: tables gives: tinycdb's calls */

#ifndef TABLE_CDB_CLIENT_H
#define TABLE_CDB_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

enum { CDB_CLIENT_ABI = 1 };

enum cdb_client_put { CDB_CLIENT_DONE, CDB_CLIENT_DUPLICATE, CDB_CLIENT_BAD };

/*
 * Handles are opaque; failures leave errno.  What is found lies in the mapped
 * file.  The descriptors stay the caller's.
 */
struct cdb_client {
	int	 abi;		/* CDB_CLIENT_ABI */

	void	*(*open)(int fd);
	/* 1 found, 0 not, -1 the file is damaged. */
	int	 (*find)(void *, const char *key, size_t len,
		    const char **ret, size_t *ret_len);
	int	 (*next)(void *, bool first, const char **ret_key,
		    size_t *ret_key_len, const char **ret, size_t *ret_len);
	void	 (*close)(void *);

	void	*(*make)(int fd);
	enum cdb_client_put (*put)(void *, const char *key, size_t key_len,
		    const char *value, size_t len, bool replace);
	/* Frees the handle, too; `keep` false: only that. */
	bool	 (*finish)(void *, bool keep);
};

extern const struct cdb_client cdb_client
    __attribute__((visibility("default")));

#endif
