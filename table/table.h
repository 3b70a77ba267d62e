/* table - lookup tables: one interface, one file a type */

#ifndef TABLE_TABLE_H
#define TABLE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

enum {
	TABLE_FOLD = 1,		/* fold keys to lower case */
	TABLE_UTF8 = 2,		/* fold as UTF-8 (smtputf8_enable); a key that
				   is not UTF-8 is not found, a value that is
				   not is an error, both after a warning */
	TABLE_DUP_WARN = 4, TABLE_DUP_REPLACE = 8, TABLE_DUP_IGNORE = 16,
	TABLE_TRY0 = 32, TABLE_TRY1 = 64,	/* with and without NUL (DB) */
	TABLE_PARENT = 128,	/* caller wants regexp $1 forbidden */
	TABLE_SRC_IS_FILE = 256,
	TABLE_WRITE = 512,	/* open an existing table for put and delete */
	TABLE_CREATE = 1024,	/* new, empty; appears atomically at close */
	TABLE_SYNC = 2048,
	TABLE_EDIT = 4096,	/* put and delete on a copy (made empty if there
				   is no table yet), which takes the table's
				   place at close */
	TABLE_MUST_EXIST = 8192, /* with TABLE_EDIT: an error if it does not */
	TABLE_KEEP_MODE = 16384, /* TABLE_CREATE: mode 0644, not the source's */
};

enum table_result {
	TABLE_FOUND, TABLE_NOT_FOUND,
	TABLE_ERROR,		/* try later; see table_error() */
};

struct table;

/*
 * "type:name".  A table that can't be opened is still a table: every lookup
 * gives TABLE_ERROR and the reason is logged at first use, so that mail is
 * deferred, not lost.  Bad syntax of a type ("nosuch:x") too.  Never NULL.
 * Tables of the same type:name and flags are shared in a process: open and
 * close count.  An on-disk table that has changed is reopened at the next
 * lookup, checked at most once a second.
 */
struct table	*table_open(const char *type_name, int flags);

/*
 * From now on "hash:" and "btree:" mean these types, for systems that leave
 * Berkeley DB; NULL, or one of these two: what they say.  The strings must stay.
 * `log`: each table that is opened so is told of, once.
 */
void		 table_redirect(const char *hash, const char *btree,
		     bool log);

/* Asked when such a table, "hash:/path", has no file yet and is to be read; true:
 * it has one now. */
void		 table_on_missing(bool (*fn)(const char *type_name));

/* False (only after writing) with errno: TABLE_CREATE and TABLE_EDIT publish
 * what was written here. */
bool		 table_close(struct table *);

/* As table_close(), but what was written is thrown away. */
void		 table_abort(struct table *);

/*
 * Sizes of Berkeley DB's caches (berkeley_db_*_buffer_size), if they shall
 * differ from Postfix's defaults.
 */
void		 table_set_cache(size_t create_bytes, size_t read_bytes);

/* The longest answer of a socketmap server (socketmap_max_reply_size). */
void		 table_set_reply_limit(size_t bytes);

/*
 * A jailed process may be unable to take up a file that has changed: it does
 * not see it any more, or may not read it.  It goes on with what it has, and
 * `fn` is told, once: the process should make room for a successor.
 */
void		 table_on_stale(void (*fn)(void));

/*
 * A daemon: `fn` is told what is wrong with a table that was opened in vain.
 * It need not return.  A table that is made of others is then sound without
 * all of them, until one that is missing is asked.
 */
void		 table_on_broken(void (*fn)(const char *why));

/*
 * From now on "proxy:" tables are those of the services proxymap and
 * proxywrite.  A daemon, which has queue_directory as its working directory,
 * asks them but where a table has neither file nor server.  A command that
 * names that directory asks them if they can be reached from here.  Otherwise
 * "proxy:x" is "x".
 */
void		 table_use_proxymap(bool yes);
void		 table_try_proxymap(const char *queue_directory);

/*
 * How this program starts TLS (net/tls.h), should a table want it: with what
 * main.cf says.  Without it a table takes what is right by default.
 */
void		 table_start_tls_with(bool (*fn)(void));

/* The result is put into `ret` (cleared first).  May wait as a task. */
enum table_result table_find(struct table *, const char *key, struct buf *ret);

/* Why the last call gave TABLE_ERROR; also true when it could not open. */
const char	*table_error(const struct table *);
bool		 table_is_broken(const struct table *);

/* For network tables keyed by patterns (regexp, pcre, cidr, tcp ...): no
 * partial keys are tried. */
bool		 table_is_pattern(const struct table *);
const char	*table_name(const struct table *);	/* "hash:/etc/aliases" */

/* postmap: false with table_error(). */
bool		 table_put(struct table *, const char *key, const char *value);
enum table_result table_delete(struct table *, const char *key);

/* Every entry in turn; first = true starts.  Not for pattern tables. */
enum table_result table_sequence(struct table *, bool first,
		    struct buf *ret_key, struct buf *ret_value);

/* The types this build knows, for postconf -m; ends with NULL. */
const char *const *table_types(void);
bool		 table_can_create(const char *type);
bool		 table_can_update(const char *type);	/* put and delete */

/* --- several tables in order, as parameters name them */

struct table_list;

/* "hash:a, regexp:b, inline:{...}".  `title`: parameter name for messages. */
struct table_list *table_list_open(const char *title, const char *names,
		    int flags);
void		 table_list_close(struct table_list *);
bool		 table_list_is_empty(const struct table_list *);
enum table_result table_list_find(struct table_list *, const char *key,
		    struct buf *ret);
/* Whose the file is that the last value found came from (root where a table
 * has none), and the table's name. */
uid_t		 table_list_owner(const struct table_list *,
		    const char **ret_name);
const char	*table_list_title(const struct table_list *);
/* The error of the table that failed last. */
const char	*table_list_error(const struct table_list *);
/* "partial" keys only in tables that are not patterns. */
enum table_result table_list_find_exact(struct table_list *, const char *key,
		    struct buf *ret);

/*
 * Address keys in Postfix's order: user+ext@dom, user@dom, user+ext (if the
 * domain is local, see `is_local`), user, @dom.  Pattern tables see only the
 * full address.  *ret_ext: the extension that was left out of the key that
 * matched, to be propagated (buf cleared; empty if none).
 */
struct table_address {
	const char	*address;		/* internal form */
	/* Where the extension of a local part begins, or NULL (or NULL). */
	const char	*(*extension)(const char *local, size_t len);
	bool		(*is_local)(void *arg, const char *domain); /* or NULL */
	void		*arg;
	bool		 no_at_domain;		/* do not try @dom */
	/* The external form of a key, false if it is the same (or NULL): it is
	 * tried first, the internal one only if `or_internal`. */
	bool		(*quote)(struct buf *, const char *key);
	bool		 or_internal;
};

enum table_result table_list_find_address(struct table_list *,
		    const struct table_address *, struct buf *ret,
		    struct buf *ret_ext);

/* Lines of a source file joined as postmap reads them: comments, leading
 * white space continues.  False at the end. */
struct table_source;

struct table_source *table_source_open(const char *path, const char **ret_why);

/* Standard input, say; `name` is for messages.  The descriptor is not
 * closed.  `text` may be given instead of a file: fuzzing, inline tables. */
struct table_source *table_source_fd(int fd, const char *name);
struct table_source *table_source_text(const char *text, size_t len,
		    const char *name);

/* Lines that are not UTF-8 are left out, after a warning. */
void		 table_source_set_utf8(struct table_source *);

/* *ret_line: where the logical line begins. */
bool		 table_source_next(struct table_source *, struct buf *line,
		    int *ret_line);

/* NULL unless reading failed: "read /etc/x: Is a directory". */
const char	*table_source_error(const struct table_source *);
int		 table_source_fileno(const struct table_source *);
void		 table_source_close(struct table_source *);

/* Splits a logical line of a postmap source in place: key (quotes kept),
 * white space, value.  What is wrong with it, until the next call, or NULL. */
const char	*table_source_split(char *line, char **ret_key,
		    char **ret_value);

#endif
