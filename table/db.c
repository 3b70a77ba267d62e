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
 */
#include <db.h>

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "table/aside.h"
#include "table/pile.h"
#include "table/table_type.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"

enum {
	CREATE_CACHE = 16 * 1024 * 1024, /* bytes, Postfix's default */
	CREATE_CACHE_MAX = 1024 * 1024 * 1024,
	READ_CACHE = 128 * 1024,	/* bytes, Postfix's default */
	READ_CACHE_MAX = 2 * 1024 * 1024, /* for tables that fit */
	NEW_MODE = 0644,
	LARGE_SOURCE = 1024 * 1024, /* bytes of a source, then ... */
	LARGE_PAGE = 16 * 1024,	/* bytes, instead of a block's */
	ENTRY_GUESS = 64,	/* bytes of a source for one entry */
	BULK_SIZE = 512 * 1024,	/* bytes of entries written in one call */
	BULK_EXTRA = 2 * 1 + 4 * 4, /* bytes of each beside its text */
	PILE_MAX = 256 * 1024 * 1024, /* bytes kept back to be sorted */
};

/* A program that is started for one lookup has the library within it. */
#pragma weak db_create
#pragma weak db_strerror

static struct {
	void		*handle;
	int		(*create)(DB **, DB_ENV *, uint32_t);
	const char	*(*error_text)(int);
	size_t		 create_cache, read_cache;
} lib = { .create_cache = CREATE_CACHE, .read_cache = READ_CACHE };

struct db_table {
	DB		*db;
	DBC		*cursor;
	struct table_aside aside;	/* if it is written */
	bool		 try0, try1;	/* keys without and with NUL */
	struct pile	 pile;		/* of a btree that is made: keys that
					   come in order make it sooner and
					   smaller */
	bool		 wrote_pile;	/* there was one before this one */
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
	if (db_create != NULL && db_strerror != NULL) {
		lib.create = db_create;
		lib.error_text = (const char *(*)(int))db_strerror;
		return true;
	}
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

/* Not where a duplicate is an error: two piles may have the same key. */
static bool
is_piled(const struct table *t)
{
	return t->type == &table_type_btree &&
	    (t->flags & TABLE_CREATE) != 0 && (t->flags & (TABLE_DUP_WARN |
	    TABLE_DUP_REPLACE | TABLE_DUP_IGNORE)) != 0;
}

/* Fewer of them are written sooner, and a lookup meets fewer. */
static bool
has_large_pages(const struct table *t)
{
	return is_piled(t) && aside_source_size(t) >= LARGE_SOURCE;
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
	if (has_large_pages(t))
		d->db->set_pagesize(d->db, LARGE_PAGE);
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

	d->aside = (struct table_aside)TABLE_ASIDE_INIT;
	d->pile = (struct pile)PILE_INIT;
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
	int saved = errno;

	if (d->db != NULL)
		d->db->close(d->db, DB_NOSYNC);
	aside_done(&d->aside);
	pile_done(&d->pile);
	mem_free(d);
	errno = saved;
}

/* Do keys have a NUL?  A file's first one tells: its habit is kept, and a lookup
 * needs to try one way only.  An empty one gets NULs. */
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
is_stamped(DB *db, const struct table_stamp *stamp)
{
	struct stat st;
	int	    fd;

	return db->fd(db, &fd) == 0 && fstat(fd, &st) == 0 &&
	    st.st_dev == stamp->dev && st.st_ino == stamp->ino;
}

/* The file of `fd`, which is locked.  By its name: the library looks a name up
 * four times, which costs much less outside of /proc. */
static bool
open_locked(struct table *t, int fd, size_t cache)
{
	struct db_table *d = t->state;
	char		 name[ASIDE_NAME];

	if (open_db(t, t->path, DB_RDONLY, cache)) {
		if (is_stamped(d->db, &t->stamp))
			return true;
		d->db->close(d->db, DB_NOSYNC);	/* a new one took its place */
		d->db = NULL;
	}
	return open_db(t, aside_name(t, fd, name), DB_RDONLY, cache);
}

static bool
open_read(struct table *t)
{
	struct db_table *d = make(t);
	size_t		 cache = lib.read_cache, size;
	bool		 ok;
	int		 fd = aside_open_read(t), saved;

	if (fd < 0) {
		discard(d);
		return false;
	}
	size = (size_t)t->stamp.size;
	if (size > cache)
		cache = size < READ_CACHE_MAX ? size : READ_CACHE_MAX;
	ok = open_locked(t, fd, cache);
	saved = errno;
	close(fd);
	errno = saved;
	if (ok)
		decide_nul(d);
	else
		discard(d);
	return ok;
}

/* A cache that takes all there will be is what makes building fast, unless
 * keys come in order. */
static size_t
guess_cache(const struct table *t)
{
	size_t want = aside_source_size(t) * 4;

	if (want <= lib.create_cache || is_piled(t))
		return lib.create_cache;
	return want < CREATE_CACHE_MAX ? want : CREATE_CACHE_MAX;
}

static bool
open_write(struct table *t)
{
	struct db_table *d = make(t);

	if (!aside_open(t, &d->aside) || !open_db(t, d->aside.path,
	    d->aside.fresh ? DB_CREATE | DB_TRUNCATE : 0, guess_cache(t))) {
		discard(d);
		return false;
	}
	if (is_piled(t) && (t->flags & TABLE_DUP_REPLACE) == 0)
		pile_expect(&d->pile, aside_source_size(t) / ENTRY_GUESS);
	if (d->aside.fresh && d->try0 == d->try1) {
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

/* --- entries */

static void
set_dbt_n(DBT *dbt, const char *text, size_t len, bool with_nul)
{
	memset(dbt, 0, sizeof *dbt);
	dbt->data = (void *)(uintptr_t)text;
	dbt->size = (uint32_t)(len + (with_nul ? 1 : 0));
}

static void
set_dbt(DBT *dbt, const char *text, bool with_nul)
{
	set_dbt_n(dbt, text, strlen(text), with_nul);
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

static int
get(struct db_table *d, const char *key, bool with_nul, DBT *value)
{
	DBT k;

	set_dbt(&k, key, with_nul);
	memset(value, 0, sizeof *value);
	return d->db->get(d->db, NULL, &k, value, 0);
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

static int
write_entry(struct table *t, const char *key, const char *value)
{
	struct db_table *d = t->state;
	DBT		 k, v;

	set_dbt(&k, key, d->try1);
	set_dbt(&v, value, d->try1);
	return d->db->put(d->db, NULL, &k, &v,
	    (t->flags & TABLE_DUP_REPLACE) != 0 ? 0 : DB_NOOVERWRITE);
}

static void
warn_duplicate(const struct table *t, const char *key)
{
	if ((t->flags & TABLE_DUP_IGNORE) == 0)
		log_warn("%s: duplicate entry: \"%s\"", t->path, key);
}

/* Many entries in one call: one by one, half of the time is for finding out
 * where each belongs. */
struct bulk {
	DBT	 all;
	void	*next;		/* of the macros of db.h */
	size_t	 room;		/* bytes, for sure */
};

static void
bulk_clear(struct bulk *b)
{
	DB_MULTIPLE_WRITE_INIT(b->next, &b->all);
	b->room = b->all.ulen - BULK_EXTRA;	/* its end has a mark */
}

static int
bulk_write(struct table *t, struct bulk *b)
{
	struct db_table *d = t->state;
	DBT		 none = { 0 };
	int		 error = 0;

	if (b->room < b->all.ulen - BULK_EXTRA)
		error = d->db->put(d->db, NULL, &b->all, &none,
		    DB_MULTIPLE_KEY);
	bulk_clear(b);
	return error;
}

static int
bulk_add(struct table *t, struct bulk *b, const struct pile_entry *e)
{
	struct db_table *d = t->state;
	size_t		 nul = d->try1 ? 1 : 0;
	size_t		 need = e->key_len + e->value_len + BULK_EXTRA;
	int		 error = 0;

	if (need > b->room)
		error = bulk_write(t, b);
	if (error != 0)
		return error;
	if (need > b->room)
		return write_entry(t, e->key, e->value);
	DB_MULTIPLE_KEY_WRITE_NEXT(b->next, &b->all, e->key, e->key_len + nul,
	    e->value, e->value_len + nul);
	b->room -= need;
	return 0;
}

/* A key that an earlier pile has too is looked up as usual. */
static int
write_sorted(struct table *t, struct bulk *b)
{
	struct db_table *d = t->state;
	int		 error = 0;

	for (size_t i = 0; error == 0 && i < d->pile.count; i++) {
		struct pile_entry e = pile_at(&d->pile, i);

		if ((t->flags & TABLE_DUP_REPLACE) == 0 &&
		    pile_is_double(&d->pile, i))
			error = DB_KEYEXIST;
		else if (d->wrote_pile)
			error = write_entry(t, e.key, e.value);
		else
			error = bulk_add(t, b, &e);
		if (error == DB_KEYEXIST) {
			warn_duplicate(t, e.key);
			error = 0;
		}
	}
	return error == 0 ? bulk_write(t, b) : error;
}

static int
write_pile(struct table *t)
{
	struct db_table *d = t->state;
	struct bulk	 b = { .all = { .ulen = BULK_SIZE,
			     .flags = DB_DBT_USERMEM } };
	int		 error;

	pile_sort(&d->pile);
	b.all.data = mem_alloc(BULK_SIZE);
	bulk_clear(&b);
	error = write_sorted(t, &b);
	mem_free(b.all.data);
	d->wrote_pile = true;
	pile_clear(&d->pile);
	return error;
}

static int
add_to_pile(struct table *t, const char *key, const char *value)
{
	struct db_table *d = t->state;

	if ((t->flags & TABLE_DUP_REPLACE) != 0)
		pile_add(&d->pile, key, value);
	else if (!pile_add_new(&d->pile, key, value))
		return DB_KEYEXIST;
	return d->pile.bytes.len >= PILE_MAX ? write_pile(t) : 0;
}

static bool
put(struct table *t, const char *key, const char *value)
{
	struct db_table *d = t->state;
	int		 error = 0;

	if (is_piled(t)) {
		error = add_to_pile(t, key, value);
	} else {
		decide_nul(d);
		error = write_entry(t, key, value);
	}
	if (error == DB_KEYEXIST) {
		if ((t->flags & (TABLE_DUP_IGNORE | TABLE_DUP_WARN)) == 0)
			return table_fail(t, "%s: duplicate entry: \"%s\"",
			    t->path, key);
		warn_duplicate(t, key);
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

/*
 * Order: the library's pages reach the new file, the file reaches the disk,
 * then it gets its name (aside_publish() does both).
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
	if (publish && d->pile.count > 0)
		error = write_pile(t);
	if (error == 0 && writes && (publish || !d->aside.replaces))
		error = d->db->sync(d->db, 0);
	d->db->close(d->db, DB_NOSYNC);
	d->db = NULL;
	if (writes && publish && error == 0 && !aside_publish(&d->aside))
		error = errno;
	discard(d);
	errno = error > 0 ? error : EIO;
	return error == 0;
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
