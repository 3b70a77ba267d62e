/*
 * lmdb: files of the Lightning Memory-Mapped Database, as Postfix's tools make
 * them: one file, no lock file beside it
 *
 * An optional type: the library is loaded when such a table is opened.  A table
 * that is written is one transaction on a file of its own (table/aside.h), so a
 * reader sees the old table or the new one.
 */
#include "table/lmdb_api.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "table/aside.h"
#include "table/table_type.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"

enum {
	MAP_MIN = 16 * 1024 * 1024,	/* bytes, Postfix's lmdb_map_size */
	MAP_FACTOR = 16,		/* address space for a byte of source */
	FILE_MODE = 0644,
};

static struct lmdb_api lib;

static const struct {
	const char	*name;
	void		*where;
} symbols[] = {
	{ "mdb_strerror", &lib.error_text },
	{ "mdb_env_create", &lib.env_create },
	{ "mdb_env_set_mapsize", &lib.env_set_mapsize },
	{ "mdb_env_open", &lib.env_open },
	{ "mdb_env_sync", &lib.env_sync },
	{ "mdb_env_close", &lib.env_close },
	{ "mdb_txn_begin", &lib.txn_begin },
	{ "mdb_txn_commit", &lib.txn_commit },
	{ "mdb_txn_abort", &lib.txn_abort },
	{ "mdb_txn_reset", &lib.txn_reset },
	{ "mdb_txn_renew", &lib.txn_renew },
	{ "mdb_dbi_open", &lib.dbi_open },
	{ "mdb_get", &lib.get },
	{ "mdb_put", &lib.put },
	{ "mdb_del", &lib.del },
	{ "mdb_cursor_open", &lib.cursor_open },
	{ "mdb_cursor_get", &lib.cursor_get },
	{ "mdb_cursor_close", &lib.cursor_close },
};

struct lmdb_table {
	struct MDB_env		*env;
	struct MDB_txn		*txn;	/* kept; readers reset it */
	struct MDB_cursor	*cursor; /* of table_sequence() */
	unsigned		 dbi;
	bool			 writes, idle;	/* idle: txn was reset */
	struct table_aside	 aside;
	bool			 try0, try1;	/* keys without, with NUL */
};

static bool
load(struct table *t)
{
	static void *handle;

	if (lib.cursor_close != NULL)
		return true;
	if (handle == NULL)
		handle = dlopen("liblmdb.so.0", RTLD_NOW);
	if (handle == NULL)
		return table_fail(t, "%s: %s", t->full_name, dlerror());
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
		void *symbol = dlsym(handle, symbols[i].name);

		if (symbol == NULL)
			return table_fail(t, "%s: %s", t->full_name,
			    dlerror());
		memcpy(symbols[i].where, &symbol, sizeof symbol);
	}
	return true;
}

static void
discard(struct lmdb_table *l)
{
	int saved = errno;

	if (l->cursor != NULL)
		lib.cursor_close(l->cursor);
	if (l->txn != NULL)
		lib.txn_abort(l->txn);
	if (l->env != NULL)
		lib.env_close(l->env);
	aside_done(&l->aside);
	mem_free(l);
	errno = saved;
}

static size_t
map_size(const struct table *t)
{
	size_t want = aside_source_size(t) * MAP_FACTOR;

	return want < MAP_MIN ? MAP_MIN : (want | 0xfffff) + 1;
}

static bool
open_env(struct table *t, const char *path)
{
	struct lmdb_table *l = t->state;
	unsigned flags = LMDB_NOSUBDIR | LMDB_NOLOCK |
	    (l->writes ? 0 : LMDB_RDONLY);
	int	 error = lib.env_create(&l->env);

	if (error == 0 && l->writes)
		error = lib.env_set_mapsize(l->env, map_size(t));
	if (error == 0)
		error = lib.env_open(l->env, path, flags, FILE_MODE);
	if (error == 0)
		error = lib.txn_begin(l->env, NULL, l->writes ? 0 :
		    LMDB_RDONLY, &l->txn);
	if (error == 0)
		error = lib.dbi_open(l->txn, NULL, 0, &l->dbi);
	if (error == 0)
		return true;
	table_fail(t, "open database %s: %s", t->path,
	    lib.error_text(error));
	errno = error > 0 ? error : EINVAL;
	return false;
}

static bool
open_lmdb(struct table *t)
{
	struct lmdb_table *l;
	char		   name[ASIDE_NAME];
	int		   fd = -1;
	bool		   ok;

	if (!load(t))
		return false;
	t->state = l = NEW(struct lmdb_table);
	l->aside = (struct table_aside)TABLE_ASIDE_INIT;
	l->try0 = (t->flags & TABLE_TRY0) != 0;
	l->try1 = (t->flags & TABLE_TRY1) != 0;
	if (!l->try0 && !l->try1)
		l->try0 = l->try1 = true;
	l->writes = (t->flags &
	    (TABLE_CREATE | TABLE_EDIT | TABLE_WRITE)) != 0;
	mem_free(t->path);
	t->path = mem_printf("%s.lmdb", t->name);
	memset(&t->stamp, 0, sizeof t->stamp);
	if (l->writes)
		ok = aside_open(t, &l->aside) && open_env(t, l->aside.path);
	else
		ok = (fd = aside_open_read(t)) >= 0 &&
		    open_env(t, aside_name(t, fd, name));
	if (fd >= 0)
		close(fd);
	if (!ok)
		discard(l);
	return ok;
}

static bool
close_lmdb(struct table *t, bool publish)
{
	struct lmdb_table *l = t->state;
	int		   error = 0;

	if (l->cursor != NULL)
		lib.cursor_close(l->cursor);
	l->cursor = NULL;
	if (l->writes && publish) {
		error = lib.txn_commit(l->txn);
		l->txn = NULL;
		if (error == 0)
			error = lib.env_sync(l->env, 1);
	}
	if (l->txn != NULL)
		lib.txn_abort(l->txn);
	l->txn = NULL;
	lib.env_close(l->env);
	l->env = NULL;
	if (l->writes && publish && error == 0 && !aside_publish(&l->aside))
		error = errno;
	discard(l);
	errno = error > 0 ? error : EIO;
	return error == 0;
}

static struct MDB_val
to_val(const char *text, bool with_nul)
{
	return (struct MDB_val){ strlen(text) + (with_nul ? 1 : 0),
	    (void *)(uintptr_t)text };
}

static void
add_val(struct buf *ret, const struct MDB_val *v)
{
	const char *p = v->data;
	size_t	    n = v->size;

	if (n > 0 && p[n - 1] == '\0')
		n--;
	buf_add(ret, p, n);
}

static enum table_result
trouble(struct table *t, int error)
{
	return table_fail_find(t, "%s", lib.error_text(error));
}

/* A reader's transaction shows the file as it was when it began. */
static int
begin(struct lmdb_table *l)
{
	int error = 0;

	if (l->idle)
		error = lib.txn_renew(l->txn);
	l->idle = false;
	return error;
}

static void
end(struct lmdb_table *l)
{
	if (!l->writes) {
		lib.txn_reset(l->txn);
		l->idle = true;
	}
}

static int
get(struct lmdb_table *l, const char *key, bool with_nul,
    struct MDB_val *value)
{
	struct MDB_val k = to_val(key, with_nul);
	int	       error = lib.get(l->txn, l->dbi, &k, value);

	if (error == 0) {
		l->try0 = !with_nul;
		l->try1 = with_nul;
	}
	return error == LMDB_BAD_VALSIZE ? LMDB_NOTFOUND : error;
}

static enum table_result
find(struct table *t, const char *key, struct buf *ret)
{
	struct lmdb_table *l = t->state;
	struct MDB_val	   value;
	int		   error = begin(l);

	if (error == 0) {
		error = LMDB_NOTFOUND;
		if (l->try1)
			error = get(l, key, true, &value);
		if (error == LMDB_NOTFOUND && l->try0)
			error = get(l, key, false, &value);
		if (error == 0)
			add_val(ret, &value);
		end(l);
	}
	if (error == LMDB_NOTFOUND)
		return TABLE_NOT_FOUND;
	return error == 0 ? TABLE_FOUND : trouble(t, error);
}

/* An existing file's own habit is kept; an empty one gets NULs. */
static void
decide_nul(struct lmdb_table *l)
{
	struct MDB_cursor *cursor;
	struct MDB_val	   k, v;

	if (l->try0 != l->try1)
		return;
	l->try0 = false;
	l->try1 = true;
	if (lib.cursor_open(l->txn, l->dbi, &cursor) != 0)
		return;
	if (lib.cursor_get(cursor, &k, &v, LMDB_FIRST) == 0 && k.size > 0 &&
	    ((const char *)k.data)[k.size - 1] != '\0') {
		l->try0 = true;
		l->try1 = false;
	}
	lib.cursor_close(cursor);
}

/* In place every change is a transaction of its own. */
static int
save(struct table *t)
{
	struct lmdb_table *l = t->state;
	int		   error;

	if ((t->flags & TABLE_WRITE) == 0)
		return 0;
	if (l->cursor != NULL)
		lib.cursor_close(l->cursor);
	l->cursor = NULL;
	error = lib.txn_commit(l->txn);
	l->txn = NULL;
	return error != 0 ? error :
	    lib.txn_begin(l->env, NULL, 0, &l->txn);
}

static bool
put(struct table *t, const char *key, const char *value)
{
	struct lmdb_table *l = t->state;
	struct MDB_val	   k, v;
	int		   error;

	decide_nul(l);
	k = to_val(key, l->try1);
	v = to_val(value, l->try1);
	error = lib.put(l->txn, l->dbi, &k, &v,
	    (t->flags & TABLE_DUP_REPLACE) != 0 ? 0 : LMDB_NOOVERWRITE);
	if (error == LMDB_KEYEXIST) {
		if ((t->flags & TABLE_DUP_IGNORE) != 0)
			return true;
		if ((t->flags & TABLE_DUP_WARN) == 0)
			return table_fail(t, "%s: duplicate entry: \"%s\"",
			    t->full_name, key);
		log_warn("%s: duplicate entry: \"%s\"", t->full_name, key);
		return true;
	}
	if (error == 0)
		error = save(t);
	if (error == 0)
		return true;
	trouble(t, error);
	return false;
}

static enum table_result
remove_key(struct table *t, const char *key)
{
	struct lmdb_table *l = t->state;
	struct MDB_val	   k;
	int		   error = LMDB_NOTFOUND;

	if (l->try1) {
		k = to_val(key, true);
		error = lib.del(l->txn, l->dbi, &k, NULL);
	}
	if (error == LMDB_NOTFOUND && l->try0) {
		k = to_val(key, false);
		error = lib.del(l->txn, l->dbi, &k, NULL);
	}
	if (error == LMDB_NOTFOUND)
		return TABLE_NOT_FOUND;
	if (error == 0)
		error = save(t);
	return error == 0 ? TABLE_FOUND : trouble(t, error);
}

static enum table_result
sequence(struct table *t, bool first, struct buf *ret_key,
    struct buf *ret_value)
{
	struct lmdb_table *l = t->state;
	struct MDB_val	   key, value;
	int		   error = begin(l);

	if (error == 0 && l->cursor == NULL)
		error = lib.cursor_open(l->txn, l->dbi, &l->cursor);
	if (error == 0)
		error = lib.cursor_get(l->cursor, &key, &value,
		    first ? LMDB_FIRST : LMDB_NEXT);
	if (error == LMDB_NOTFOUND)
		return TABLE_NOT_FOUND;
	if (error != 0)
		return trouble(t, error);
	add_val(ret_key, &key);
	add_val(ret_value, &value);
	return TABLE_FOUND;
}

const struct table_type table_type_lmdb = {
	.name = "lmdb",
	.traits = TYPE_CREATE,
	.open = open_lmdb,
	.close = close_lmdb,
	.find = find,
	.put = put,
	.remove = remove_key,
	.sequence = sequence,
};
