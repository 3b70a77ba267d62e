#include "table/table.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table/redirect.h"
#include "table/table_type.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	CHECK_MS = 1000,	/* between two looks at a file */
	SHOWN = 100,		/* bytes of a key or value in a warning */
	NOT_SHARED = TABLE_WRITE | TABLE_CREATE | TABLE_EDIT,
};

static const struct table_type *const types[] = {
	&table_type_btree,
	&table_type_cdb,
	&table_type_cidr,
	&table_type_debug,
	&table_type_environ,
	&table_type_fail,
	&table_type_hash,
	&table_type_inline,
	&table_type_internal,
	&table_type_ldap,
	&table_type_lmdb,
	&table_type_memcache,
	&table_type_mongodb,
	&table_type_mysql,
	&table_type_pcre,
	&table_type_pgsql,
	&table_type_pipemap,
	&table_type_proxy,
	&table_type_randmap,
	&table_type_redis,
	&table_type_regexp,
	&table_type_socketmap,
	&table_type_sqlite,
	&table_type_static,
	&table_type_tcp,
	&table_type_texthash,
	&table_type_unionmap,
	&table_type_unix,
};

enum { TYPE_COUNT = sizeof types / sizeof *types };

static struct {
	struct map	*open;		/* "flags type:name" -> struct table */
	struct stat	 root;		/* "/" when the first was opened */
	void		(*on_stale)(void);
	bool		 stale;		/* it was called */
	void		(*on_broken)(const char *why);
} tables;

const struct table_type *
table_type_find(const char *name, size_t len)
{
	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (strlen(types[i]->name) == len &&
		    memcmp(types[i]->name, name, len) == 0)
			return types[i];
	return NULL;
}

const char *const *
table_types(void)
{
	static const char *names[TYPE_COUNT + 1];

	for (size_t i = 0; i < TYPE_COUNT; i++)
		names[i] = types[i]->name;
	return names;
}

bool
table_can_create(const char *type)
{
	const struct table_type *t = table_type_find(type, strlen(type));

	return t != NULL && (t->traits & TYPE_CREATE) != 0;
}

bool
table_can_update(const char *type)
{
	const struct table_type *t = table_type_find(type, strlen(type));

	return t != NULL && t->put != NULL;
}

bool
table_fail(struct table *t, const char *fmt, ...)
{
	va_list ap;

	buf_clear(&t->error);
	va_start(ap, fmt);
	buf_addv(&t->error, fmt, ap);
	va_end(ap);
	return false;
}

enum table_result
table_fail_find(struct table *t, const char *fmt, ...)
{
	va_list ap;

	buf_clear(&t->error);
	va_start(ap, fmt);
	buf_addv(&t->error, fmt, ap);
	va_end(ap);
	return TABLE_ERROR;
}

void
table_stamp_set(struct table_stamp *stamp, const struct stat *st)
{
	stamp->dev = st->st_dev;
	stamp->ino = st->st_ino;
	stamp->mtime = st->st_mtim;
	stamp->size = st->st_size;
	stamp->owner = st->st_uid;
}

static bool
stamp_differs(const struct table_stamp *a, const struct table_stamp *b)
{
	return a->dev != b->dev || a->ino != b->ino || a->size != b->size ||
	    a->mtime.tv_sec != b->mtime.tv_sec ||
	    a->mtime.tv_nsec != b->mtime.tv_nsec;
}

/* Wrong use of a type is found here, so that types need not look. */
static bool
check_flags(struct table *t)
{
	if ((t->flags & TABLE_CREATE) != 0 &&
	    (t->type->traits & TYPE_CREATE) == 0)
		return table_fail(t, "unsupported dictionary type: %s does "
		    "not support bulk-mode creation.", t->type->name);
	if ((t->flags & (TABLE_WRITE | TABLE_EDIT)) != 0 &&
	    t->type->put == NULL && (t->type->traits & TYPE_LAX) == 0)
		return table_fail(t, "%s map requires O_RDONLY access mode",
		    t->full_name);
	return true;
}

static void
open_now(struct table *t)
{
	int error;

	buf_clear(&t->error);
	t->state = NULL;
	t->watch_fd = -1;
	t->broken = !check_flags(t) || !t->type->open(t);
	error = errno;
	if (t->path != NULL && !t->broken && (t->flags & NOT_SHARED) == 0)
		t->watch_fd = open(t->path, O_PATH | O_CLOEXEC);
	if (tables.root.st_ino == 0)
		stat("/", &tables.root);
	t->checked_ms = clock_ms();
	errno = error;
}

static void
close_watch(struct table *t)
{
	if (t->watch_fd >= 0)
		close(t->watch_fd);
}

void
table_on_stale(void (*fn)(void))
{
	tables.on_stale = fn;
}

void
table_on_broken(void (*fn)(const char *why))
{
	tables.on_broken = fn;
}

bool
table_is_tolerated(const struct table *t)
{
	return !t->broken || tables.on_broken != NULL;
}

static void
tell_stale(const struct table *t)
{
	if (tables.on_stale == NULL) {
		log_warn("%s has changed, and this process can't read it: "
		    "it uses the old content; do \"postfix reload\"",
		    t->full_name);
		return;
	}
	log_info("%s has changed: a new process will read it", t->full_name);
	if (!tables.stale)
		tables.on_stale();
	tables.stale = true;
}

static struct table *
make(const char *type_name, int flags)
{
	struct table *t = NEW(struct table);
	const char   *colon = strchr(type_name, ':');

	t->error = t->folded = (struct buf)BUF_INIT;
	t->full_name = mem_strdup(type_name);
	t->flags = flags;
	t->uses = 1;
	t->broken = true;
	t->watch_fd = -1;
	if (colon == NULL || colon == type_name || colon[1] == '\0') {
		t->name = "";
		table_fail(t, "open dictionary: expecting \"type:name\" form "
		    "instead of \"%s\"", type_name);
		return t;
	}
	t->name = t->full_name + (colon - type_name) + 1;
	t->type = table_type_find(type_name, (size_t)(colon - type_name));
	if (t->type == NULL)
		table_fail(t, "unsupported dictionary type: %.*s",
		    (int)(colon - type_name), type_name);
	else
		open_now(t);
	return t;
}

static char *
share_key(const char *type_name, int flags)
{
	return mem_printf("%x %s", (unsigned)flags, type_name);
}

static struct table *
open_name(const char *type_name, int flags)
{
	struct table *t;
	char	     *key;

	if ((flags & NOT_SHARED) != 0)
		return make(type_name, flags);
	if (tables.open == NULL)
		tables.open = map_new();
	key = share_key(type_name, flags);
	t = map_find(tables.open, key);
	if (t != NULL) {
		t->uses++;
	} else {
		t = make(type_name, flags);
		map_set(tables.open, key, t);
	}
	mem_free(key);
	return t;
}

struct table *
table_open(const char *type_name, int flags)
{
	char	     *other = redirect_name(type_name);
	struct table *t = open_name(other != NULL ? other : type_name, flags);

	if (other != NULL && t->broken && (flags & NOT_SHARED) == 0 &&
	    redirect_made(type_name, other)) {
		table_close(t);
		t = open_name(other, flags);
	}
	mem_free(other);
	if (t->broken && t->uses == 1 && tables.on_broken != NULL)
		tables.on_broken(table_error(t));
	return t;
}

static bool
finish(struct table *t, bool publish)
{
	bool  ok = true;
	int   error = 0;
	char *key;

	if (t == NULL || --t->uses > 0)
		return true;
	if ((t->flags & NOT_SHARED) == 0) {
		key = share_key(t->full_name, t->flags);
		map_remove(tables.open, key);
		mem_free(key);
	}
	if (!t->broken && t->type->close != NULL) {
		ok = t->type->close(t, publish);
		error = errno;
	}
	close_watch(t);
	buf_done(&t->error);
	buf_done(&t->folded);
	mem_free(t->path);
	mem_free(t->full_name);
	mem_free(t);
	errno = error;
	return ok;
}

bool
table_close(struct table *t)
{
	return finish(t, true);
}

void
table_abort(struct table *t)
{
	finish(t, false);
}

const char *
table_error(const struct table *t)
{
	return t->error.data;
}

bool
table_is_broken(const struct table *t)
{
	return t->broken;
}

bool
table_is_pattern(const struct table *t)
{
	if (!t->broken && t->type->is_pattern != NULL)
		return t->type->is_pattern(t);
	return t->type != NULL && (t->type->traits & TYPE_PATTERN) != 0;
}

const char *
table_name(const struct table *t)
{
	return t->full_name;
}

/*
 * Takes up a new version of the file.  The old one goes on being used when
 * the new one may not be read, since a jailed process can't open what it could
 * open when it started; any other trouble makes the table broken: an answer
 * from old data could lose mail, an error defers it.
 */
static void
reopen(struct table *t)
{
	struct table old = *t;
	struct stat  st;

	t->path = NULL;
	t->error = (struct buf)BUF_INIT;
	errno = 0;
	open_now(t);
	if (t->broken && !old.broken && errno == EACCES) {
		buf_done(&t->error);
		mem_free(t->path);
		old.checked_ms = t->checked_ms;
		*t = old;
		if (stat(t->path, &st) == 0)
			table_stamp_set(&t->stamp, &st);
		tell_stale(t);
		return;
	}
	close_watch(&old);
	if (!old.broken && t->type->close != NULL) {
		struct table gone = old;

		gone.type->close(&gone, false);
	}
	mem_free(old.path);
	buf_done(&old.error);
}

bool
table_in_chroot(void)
{
	struct stat now;

	return stat("/", &now) != 0 || now.st_ino != tables.root.st_ino ||
	    now.st_dev != tables.root.st_dev;
}

static void
look_from_chroot(struct table *t)
{
	struct table_stamp now;
	struct stat	   st;

	if (t->watch_fd < 0 || fstat(t->watch_fd, &st) != 0)
		return;
	table_stamp_set(&now, &st);
	if (st.st_nlink > 0 && !stamp_differs(&now, &t->stamp))
		return;
	close(t->watch_fd);
	t->watch_fd = -1;
	tell_stale(t);
}

/* A look at the file, at most once a second: clock_ms() costs no system
 * call, stat() does. */
static void
refresh(struct table *t)
{
	struct table_stamp now;
	struct stat	   st;
	int64_t		   ms;

	if (t->type == NULL || (t->path == NULL && !t->broken) ||
	    (t->flags & NOT_SHARED) != 0)
		return;
	ms = clock_ms();
	if (ms - t->checked_ms < CHECK_MS)
		return;
	t->checked_ms = ms;
	if (table_in_chroot()) {
		look_from_chroot(t);
		return;
	}
	if (t->broken || stat(t->path, &st) != 0) {
		reopen(t);
		return;
	}
	table_stamp_set(&now, &st);
	if (stamp_differs(&now, &t->stamp))
		reopen(t);
}

static const char *
fold(struct table *t, const char *key)
{
	if ((t->flags & TABLE_FOLD) == 0 ||
	    (t->type->traits & (TYPE_PATTERN | TYPE_FOLDS_ITSELF)) != 0)
		return key;
	buf_clear(&t->folded);
	text_fold(&t->folded, key, (t->flags & TABLE_UTF8) != 0);
	return t->folded.data;
}

static enum table_result
tell_broken(struct table *t)
{
	log_warn("%s is unavailable. %s", t->full_name, t->error.data);
	return TABLE_ERROR;
}

/* Postfix's words; `key` is good if `value` is what is wrong. */
static void
warn_utf8(const struct table *t, const char *key, const char *value)
{
	const char *name = t->path != NULL ? t->path : t->name;
	struct buf  shown = BUF_INIT;

	text_printable(&shown, value != NULL ? value : key,
	    strlen(value != NULL ? value : key), false);
	if (value != NULL)
		log_warn("%s:%s: key \"%.*s\": non-UTF-8 value \"%.*s\": "
		    "malformed UTF-8 or invalid codepoint", t->type->name,
		    name, SHOWN, key, SHOWN, shown.data);
	else
		log_warn("%s:%s: non-UTF-8 key \"%.*s\": malformed UTF-8 or "
		    "invalid codepoint", t->type->name, name, SHOWN,
		    shown.data);
	buf_done(&shown);
}

static bool
is_utf8_key(const struct table *t, const char *key)
{
	if ((t->flags & TABLE_UTF8) == 0 || text_is_utf8(key, strlen(key)))
		return true;
	warn_utf8(t, key, NULL);
	return false;
}

enum table_result
table_find(struct table *t, const char *key, struct buf *ret)
{
	enum table_result r;

	buf_clear(ret);
	refresh(t);
	if (t->broken)
		return tell_broken(t);
	if (t->type->find == NULL)
		return table_fail_find(t, "lookup is not supported");
	if (!is_utf8_key(t, key))
		return TABLE_NOT_FOUND;
	r = t->type->find(t, fold(t, key), ret);
	if (r != TABLE_FOUND || (t->flags & TABLE_UTF8) == 0 ||
	    text_is_utf8(ret->data, ret->len))
		return r;
	warn_utf8(t, key, ret->data);
	buf_clear(ret);
	return table_fail_find(t, "non-UTF-8 value");
}

bool
table_put(struct table *t, const char *key, const char *value)
{
	if (t->broken)
		return false;
	if (t->type->put == NULL)
		return table_fail(t, "update operation is not supported");
	return t->type->put(t, fold(t, key), value);
}

enum table_result
table_delete(struct table *t, const char *key)
{
	if (t->broken)
		return tell_broken(t);
	if (t->type->remove == NULL)
		return table_fail_find(t, "delete operation is not supported");
	if (!is_utf8_key(t, key))
		return TABLE_NOT_FOUND;
	return t->type->remove(t, fold(t, key));
}

enum table_result
table_sequence(struct table *t, bool first, struct buf *ret_key,
    struct buf *ret_value)
{
	buf_clear(ret_key);
	buf_clear(ret_value);
	if (t->broken)
		return tell_broken(t);
	if (t->type->sequence == NULL)
		return table_fail_find(t,
		    "sequence operation is not supported");
	return t->type->sequence(t, first, ret_key, ret_value);
}

struct table_source *
table_open_source(struct table *t, const char *what)
{
	struct table_source *s;
	struct stat	     st;
	const char	    *why;

	mem_free(t->path);
	t->path = mem_strdup(t->name);
	memset(&t->stamp, 0, sizeof t->stamp);
	s = table_source_open(t->name, &why);
	if (s == NULL) {
		int saved = errno;

		table_fail(t, "%s %s: %s", what, t->name, why);
		errno = saved;
		return NULL;
	}
	if (fstat(table_source_fileno(s), &st) == 0)
		table_stamp_set(&t->stamp, &st);
	return s;
}

char *
table_next_word(char **s)
{
	char *p = *s + strspn(*s, TEXT_LIST_SEP), *word = p;
	int   depth = 0;

	if (*p == '\0') {
		*s = p;
		return NULL;
	}
	for (; *p != '\0'; p++) {
		if (*p == '{')
			depth++;
		else if (*p == '}' && depth > 0)
			depth--;
		else if (depth == 0 && strchr(TEXT_LIST_SEP, *p) != NULL)
			break;
	}
	if (*p != '\0')
		*p++ = '\0';
	*s = p;
	return word;
}

const char *
table_unbrace(char *text, char **ret)
{
	char *p;
	int   depth = 0;

	if (*text != '{')
		return "no '{' at start of text";
	for (p = text; *p != '\0'; p++) {
		if (*p == '{')
			depth++;
		else if (*p == '}' && --depth == 0)
			break;
	}
	if (*p == '\0')
		return "missing '}'";
	if (p[1] != '\0')
		return "syntax error after '}'";
	*p = '\0';
	*ret = text_trim(text + 1);
	return NULL;
}

char **
table_words(const char *text, char **ret_copy)
{
	size_t	n = 0;
	char   *copy = mem_strdup(text), *p, *word, **words;

	if (table_unbrace(copy, &p) != NULL) {
		mem_free(copy);
		return NULL;
	}
	words = mem_alloc((strlen(p) / 2 + 2) * sizeof *words);
	while ((word = table_next_word(&p)) != NULL)
		words[n++] = word;
	words[n] = NULL;
	if (n == 0) {
		mem_free(words);
		mem_free(copy);
		return NULL;
	}
	*ret_copy = copy;
	return words;
}
