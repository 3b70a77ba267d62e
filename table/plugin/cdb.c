/* postfix-cdb.so: tinycdb for table/cdb.c */

#include <cdb.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "table/cdb_client.h"

struct reader {
	struct cdb	db;
	unsigned	position;	/* of next() */
};

static void *
open_db(int fd)
{
	struct reader *r = calloc(1, sizeof *r);

	if (r != NULL && cdb_init(&r->db, fd) == 0)
		return r;
	if (errno == 0)
		errno = EINVAL;
	free(r);
	return NULL;
}

static int
get_data(struct reader *r, const char **ret, size_t *ret_len)
{
	*ret_len = cdb_datalen(&r->db);
	*ret = cdb_getdata(&r->db);
	return *ret == NULL ? -1 : 1;
}

static int
find(void *arg, const char *key, size_t len, const char **ret,
    size_t *ret_len)
{
	struct reader *r = arg;
	int	       found = cdb_find(&r->db, key, (unsigned)len);

	return found > 0 ? get_data(r, ret, ret_len) : found;
}

static int
next(void *arg, bool first, const char **ret_key, size_t *ret_key_len,
    const char **ret, size_t *ret_len)
{
	struct reader *r = arg;
	int	       found;

	if (first)
		cdb_seqinit(&r->position, &r->db);
	found = cdb_seqnext(&r->position, &r->db);
	if (found <= 0)
		return found;
	*ret_key_len = cdb_keylen(&r->db);
	*ret_key = cdb_getkey(&r->db);
	return *ret_key == NULL ? -1 : get_data(r, ret, ret_len);
}

static void
close_db(void *arg)
{
	struct reader *r = arg;

	cdb_free(&r->db);
	free(r);
}

static void *
make(int fd)
{
	struct cdb_make *m = calloc(1, sizeof *m);

	if (m != NULL && cdb_make_start(m, fd) == 0)
		return m;
	free(m);
	return NULL;
}

static enum cdb_client_put
put(void *arg, const char *key, size_t key_len, const char *value, size_t len,
    bool replace)
{
	int r = cdb_make_put(arg, key, (unsigned)key_len, value,
	    (unsigned)len, replace ? CDB_PUT_REPLACE : CDB_PUT_INSERT);

	return r < 0 ? CDB_CLIENT_BAD : r > 0 && !replace ?
	    CDB_CLIENT_DUPLICATE : CDB_CLIENT_DONE;
}

static bool
finish(void *arg, bool keep)
{
	/* The library frees what it holds only when it finishes. */
	bool ok = cdb_make_finish(arg) == 0;

	free(arg);
	return ok || !keep;
}

const struct cdb_client cdb_client = {
	.abi = CDB_CLIENT_ABI,
	.open = open_db,
	.find = find,
	.next = next,
	.close = close_db,
	.make = make,
	.put = put,
	.finish = finish,
};
