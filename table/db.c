/*
 * hash: and btree:, files of Berkeley DB 5.3 as Postfix's tools make them
 *
 * Readers take a shared flock(2) only while they open: what our own tools make
 * never changes in place, a new file takes its name.  Postfix's tools rewrite
 * in place, under an exclusive lock; a reader that sees the file changed and
 * locked answers with an error until it is whole again.  Our writers exclude
 * each other by fcntl(2) locks, which readers don't feel.
 *
 * The file is read through the library's cache and not mapped, since
 * truncating a mapped file kills its readers.  The library is loaded when the
 * first such table is opened: programs without one start faster.
 *
 * Writing comes in three ways:
 *
 *	TABLE_CREATE	a new file beside the old, which takes its name
 *	TABLE_EDIT	the same with a copy of the old one
 *	TABLE_WRITE	in place, locked as long as it is open (caches that
 *			one process owns)
 *
 * Where the directory may not be written but the file may, the first two work
 * in place too, with Postfix's locks.
 */
#include <db.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table/table_type.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	CREATE_CACHE = 16 * 1024 * 1024, /* bytes, Postfix's default */
	CREATE_CACHE_MAX = 1024 * 1024 * 1024,
	READ_CACHE = 128 * 1024,	/* bytes, Postfix's default */
	READ_CACHE_MAX = 2 * 1024 * 1024, /* for tables that fit */
	NEW_MODE = 0644,
};

static struct {
	void		*handle;
	int		(*create)(DB **, DB_ENV *, uint32_t);
	const char	*(*error_text)(int);
	size_t		 create_cache, read_cache;
} lib = { .create_cache = CREATE_CACHE, .read_cache = READ_CACHE };

struct db_table {
	DB		*db;
	DBC		*cursor;
	int		 lock_fd;	/* -1: nothing to unlock */
	bool		 replaces;	/* `aside` takes the table's name */
	struct file_replace aside;
	bool		 try0, try1;	/* keys without and with NUL */
	struct buf	 key, value;
};

void
table_set_cache(size_t create_bytes, size_t read_bytes)
{
	lib.create_cache = create_bytes;
	lib.read_cache = read_bytes;
}

static bool
load(struct table *t)
{
	void *create, *error_text;

	if (lib.error_text != NULL)
		return true;
	if (lib.handle == NULL)
		lib.handle = dlopen("libdb-5.3.so", RTLD_NOW);
	if (lib.handle == NULL)
		return table_fail(t, "%s: %s", t->full_name, dlerror());
	create = dlsym(lib.handle, "db_create");
	error_text = dlsym(lib.handle, "db_strerror");
	if (create == NULL || error_text == NULL)
		return table_fail(t, "%s: %s", t->full_name, dlerror());
	memcpy(&lib.create, &create, sizeof create);
	memcpy(&lib.error_text, &error_text, sizeof error_text);
	return true;
}

/* The library writes to standard error unless told not to. */
static void
hear_no_message(const DB_ENV *env, const char *prefix, const char *text)
{
	(void)env;
	(void)prefix;
	log_debug("%s", text);
}

static void
set_cache(DB *db, size_t bytes)
{
	db->set_cachesize(db, (uint32_t)(bytes >> 30),
	    (uint32_t)(bytes & ((1U << 30) - 1)), 1);
}

static bool
open_db(struct table *t, const char *path, uint32_t flags, size_t cache)
{
	struct db_table *d = t->state;
	bool		 is_hash = t->type == &table_type_hash;
	int		 error;

	error = lib.create(&d->db, NULL, 0);
	if (error != 0) {
		d->db = NULL;
		return table_fail(t, "create DB database: %s",
		    lib.error_text(error));
	}
	d->db->set_errcall(d->db, hear_no_message);
	set_cache(d->db, cache);
	error = d->db->open(d->db, NULL, path, NULL,
	    is_hash ? DB_HASH : DB_BTREE, flags | DB_NOMMAP, NEW_MODE);
	if (error == 0)
		return true;
	/* The library's own numbers tell an administrator nothing. */
	if (error < 0)
		error = EINVAL;
	table_fail(t, "open database %s: %s", t->path, strerror(error));
	d->db->close(d->db, DB_NOSYNC);
	d->db = NULL;
	errno = error;
	return false;
}

static struct db_table *
make(struct table *t)
{
	struct db_table *d = NEW(struct db_table);

	d->lock_fd = -1;
	d->key = d->value = (struct buf)BUF_INIT;
	d->try0 = (t->flags & TABLE_TRY0) != 0;
	d->try1 = (t->flags & TABLE_TRY1) != 0;
	if (!d->try0 && !d->try1)
		d->try0 = d->try1 = true;
	mem_free(t->path);
	t->path = mem_printf("%s.db", t->name);
	memset(&t->stamp, 0, sizeof t->stamp);
	t->state = d;
	return d;
}

static void
discard(struct db_table *d)
{
	if (d->db != NULL)
		d->db->close(d->db, DB_NOSYNC);
	if (d->replaces)
		file_replace_cancel(&d->aside);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	buf_done(&d->key);
	buf_done(&d->value);
	mem_free(d);
}

/* --- opening to read */

static bool
open_read(struct table *t)
{
	struct db_table *d = make(t);
	struct stat	 st;
	size_t		 cache = lib.read_cache;
	bool		 ok;
	int		 fd, saved;

	fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		saved = errno;
		table_fail(t, "open database %s: %s", t->path,
		    strerror(errno));
		discard(d);
		errno = saved;
		return false;
	}
	/* At the start it waits, later others would have to wait with it. */
	if (flock(fd, t->checked_ms == 0 ? LOCK_SH : LOCK_SH | LOCK_NB) != 0) {
		table_fail(t, "open database %s: it is being written",
		    t->path);
		close(fd);
		discard(d);
		return false;
	}
	if (fstat(fd, &st) == 0) {
		table_stamp_set(&t->stamp, &st);
		if ((size_t)st.st_size > cache)
			cache = (size_t)st.st_size < READ_CACHE_MAX ?
			    (size_t)st.st_size : READ_CACHE_MAX;
	}
	ok = open_db(t, t->path, DB_RDONLY, cache);
	saved = errno;
	close(fd);
	if (!ok)
		discard(d);
	errno = saved;
	return ok;
}

/* --- opening to write */

/* Locks the file that has the name now, not one that was just replaced. */
static int
lock_named(const char *path, bool in_place)
{
	struct flock whole = { .l_type = F_WRLCK };
	struct stat  mine, named;
	int	     fd;

	for (;;) {
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return -1;
		if (fcntl(fd, F_OFD_SETLKW, &whole) == 0 &&
		    flock(fd, in_place ? LOCK_EX : LOCK_SH) == 0 &&
		    fstat(fd, &mine) == 0 && stat(path, &named) == 0 &&
		    mine.st_ino == named.st_ino && mine.st_dev == named.st_dev)
			return fd;
		close(fd);
	}
}

/* A new file may be read by those who may read the source. */
static mode_t
new_mode(const struct table *t)
{
	struct stat st;

	if ((t->flags & TABLE_KEEP_MODE) != 0 || stat(t->name, &st) != 0)
		return NEW_MODE;
	return st.st_mode & NEW_MODE;
}

static bool
copy_file(int from, int to)
{
	char   *chunk = mem_alloc(1 << 16);
	ssize_t n;

	while ((n = read(from, chunk, 1 << 16)) > 0)
		if (!file_write_all(to, chunk, (size_t)n)) {
			n = -1;
			break;
		}
	mem_free(chunk);
	return n == 0;
}

/* A cache that takes all there will be is what makes building fast; the
 * source tells how much that is. */
static size_t
guess_cache(const struct table *t)
{
	struct stat st;
	size_t	    bytes = 0;

	if (stat((t->flags & TABLE_EDIT) != 0 ? t->path : t->name, &st) == 0 &&
	    S_ISREG(st.st_mode))
		bytes = (size_t)st.st_size;
	if (bytes * 4 <= lib.create_cache)
		return lib.create_cache;
	return bytes * 4 < CREATE_CACHE_MAX ? bytes * 4 : CREATE_CACHE_MAX;
}

static bool
fail_open(struct table *t, const char *what)
{
	int saved = errno;

	table_fail(t, "%s %s: %s", what, t->path, strerror(errno));
	discard(t->state);
	errno = saved;
	return false;
}

/* What the new file is made from: nothing, or the old one's bytes. */
static bool
begin_aside(struct table *t, bool exists)
{
	struct db_table *d = t->state;
	int		 fd;

	fd = file_replace_begin(&d->aside, t->path, new_mode(t));
	if (fd < 0)
		return false;
	d->replaces = true;
	return !exists || (t->flags & TABLE_EDIT) == 0 ||
	    copy_file(d->lock_fd, fd);
}

static bool
open_write(struct table *t)
{
	struct db_table *d = make(t);
	bool		 exists, fresh, ok;
	const char	*path = t->path;
	uint32_t	 flags = 0;
	int		 saved;

	d->lock_fd = lock_named(t->path, (t->flags & TABLE_WRITE) != 0);
	exists = d->lock_fd >= 0;
	if (!exists && errno != ENOENT)
		return fail_open(t, "open");
	if (!exists && (t->flags & TABLE_MUST_EXIST) != 0)
		return fail_open(t, "open database");
	fresh = !exists || (t->flags & TABLE_CREATE) != 0;
	if ((t->flags & TABLE_WRITE) == 0) {
		if (begin_aside(t, exists))
			path = d->aside.temp;
		else if (d->replaces || !exists ||
		    (errno != EACCES && errno != EPERM && errno != EROFS) ||
		    flock(d->lock_fd, LOCK_EX) != 0)
			return fail_open(t, "open database");
	}
	if (fresh)
		flags = DB_CREATE | DB_TRUNCATE;
	ok = open_db(t, path, flags, guess_cache(t));
	if (!ok) {
		saved = errno;
		discard(d);
		errno = saved;
		return false;
	}
	if (fresh && d->try0 == d->try1) {
		d->try0 = false;	/* as Postfix does on Linux */
		d->try1 = true;
	}
	return true;
}

static bool
open_table(struct table *t)
{
	if (!load(t))
		return false;
	if ((t->flags & (TABLE_CREATE | TABLE_EDIT | TABLE_WRITE)) != 0)
		return open_write(t);
	return open_read(t);
}

/*
 * Order: the library's pages reach the new file, the file reaches the disk,
 * then it gets its name (file_replace_end() does both).
 */
static bool
close_table(struct table *t, bool publish)
{
	struct db_table *d = t->state;
	bool		 writes = t->flags &
	    (TABLE_CREATE | TABLE_EDIT | TABLE_WRITE);
	int		 error = 0;

	if (d->cursor != NULL)
		d->cursor->close(d->cursor);
	if (writes && (publish || !d->replaces))
		error = d->db->sync(d->db, 0);
	d->db->close(d->db, DB_NOSYNC);
	d->db = NULL;
	if (d->replaces && publish && error == 0) {
		d->replaces = false;
		if (!file_replace_end(&d->aside))
			error = errno;
	}
	discard(d);
	errno = error > 0 ? error : EIO;
	return error == 0;
}

/* --- entries */

static void
set_dbt(DBT *dbt, const char *text, bool with_nul)
{
	memset(dbt, 0, sizeof *dbt);
	dbt->data = (void *)(uintptr_t)text;
	dbt->size = (uint32_t)(strlen(text) + (with_nul ? 1 : 0));
}

static void
get_dbt(struct buf *ret, const DBT *dbt)
{
	const char *p = dbt->data;
	size_t	    n = dbt->size;

	if (n > 0 && p[n - 1] == '\0')
		n--;
	buf_add(ret, p, n);
}

static enum table_result
db_trouble(struct table *t, int error)
{
	return table_fail_find(t, "%s",
	    error > 0 ? strerror(error) : lib.error_text(error));
}

/* As long as it is not known whether the file's keys have a NUL both are
 * tried; the first that is found decides. */
static int
get(struct db_table *d, const char *key, bool with_nul, DBT *value)
{
	DBT k;
	int error;

	set_dbt(&k, key, with_nul);
	memset(value, 0, sizeof *value);
	error = d->db->get(d->db, NULL, &k, value, 0);
	if (error == 0) {
		d->try0 = !with_nul;
		d->try1 = with_nul;
	}
	return error;
}

static enum table_result
find(struct table *t, const char *key, struct buf *ret)
{
	struct db_table *d = t->state;
	DBT		 value;
	int		 error = DB_NOTFOUND;

	if (d->try1)
		error = get(d, key, true, &value);
	if (error == DB_NOTFOUND && d->try0)
		error = get(d, key, false, &value);
	if (error == DB_NOTFOUND)
		return TABLE_NOT_FOUND;
	if (error != 0)
		return db_trouble(t, error);
	get_dbt(ret, &value);
	return TABLE_FOUND;
}

/* An existing file's own habit is kept; an empty one gets NULs. */
static void
decide_nul(struct db_table *d)
{
	DBC *cursor;
	DBT  key = { 0 }, value = { 0 };

	if (d->try0 != d->try1)
		return;
	d->try0 = false;
	d->try1 = true;
	if (d->db->cursor(d->db, NULL, &cursor, 0) != 0)
		return;
	if (cursor->get(cursor, &key, &value, DB_FIRST) == 0 &&
	    key.size > 0 && ((char *)key.data)[key.size - 1] != '\0') {
		d->try0 = true;
		d->try1 = false;
	}
	cursor->close(cursor);
}

static bool
put(struct table *t, const char *key, const char *value)
{
	struct db_table *d = t->state;
	DBT		 k, v;
	int		 error;
	bool		 replace = (t->flags & TABLE_DUP_REPLACE) != 0;

	decide_nul(d);
	set_dbt(&k, key, d->try1);
	set_dbt(&v, value, d->try1);
	error = d->db->put(d->db, NULL, &k, &v, replace ? 0 : DB_NOOVERWRITE);
	if (error == DB_KEYEXIST) {
		if ((t->flags & TABLE_DUP_IGNORE) != 0)
			return true;
		if ((t->flags & TABLE_DUP_WARN) == 0)
			return table_fail(t, "%s: duplicate entry: \"%s\"",
			    t->path, key);
		log_warn("%s: duplicate entry: \"%s\"", t->path, key);
		return true;
	}
	if (error == 0 && (t->flags & TABLE_SYNC) != 0)
		error = d->db->sync(d->db, 0);
	if (error == 0)
		return true;
	db_trouble(t, error);
	return false;
}

static enum table_result
remove_key(struct table *t, const char *key)
{
	struct db_table *d = t->state;
	DBT		 k;
	int		 error = DB_NOTFOUND;

	if (d->try1) {
		set_dbt(&k, key, true);
		error = d->db->del(d->db, NULL, &k, 0);
	}
	if (error == DB_NOTFOUND && d->try0) {
		set_dbt(&k, key, false);
		error = d->db->del(d->db, NULL, &k, 0);
	}
	if (error == DB_NOTFOUND)
		return TABLE_NOT_FOUND;
	if (error == 0 && (t->flags & TABLE_SYNC) != 0)
		error = d->db->sync(d->db, 0);
	return error == 0 ? TABLE_FOUND : db_trouble(t, error);
}

static enum table_result
sequence(struct table *t, bool first, struct buf *ret_key,
    struct buf *ret_value)
{
	struct db_table *d = t->state;
	DBT		 key = { 0 }, value = { 0 };
	int		 error = 0;

	if (d->cursor == NULL)
		error = d->db->cursor(d->db, NULL, &d->cursor, 0);
	if (error == 0)
		error = d->cursor->get(d->cursor, &key, &value,
		    first ? DB_FIRST : DB_NEXT);
	if (error == DB_NOTFOUND)
		return TABLE_NOT_FOUND;
	if (error != 0)
		return db_trouble(t, error);
	get_dbt(ret_key, &key);
	get_dbt(ret_value, &value);
	return TABLE_FOUND;
}

const struct table_type table_type_hash = {
	.name = "hash",
	.traits = TYPE_CREATE,
	.open = open_table,
	.close = close_table,
	.find = find,
	.put = put,
	.remove = remove_key,
	.sequence = sequence,
};

const struct table_type table_type_btree = {
	.name = "btree",
	.traits = TYPE_CREATE,
	.open = open_table,
	.close = close_table,
	.find = find,
	.put = put,
	.remove = remove_key,
	.sequence = sequence,
};
