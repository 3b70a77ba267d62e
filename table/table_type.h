/* table_type - what a table type gives to table.c (private to table/) */

#ifndef TABLE_TABLE_TYPE_H
#define TABLE_TABLE_TYPE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "table/table.h"
#include "util/buf.h"

enum {
	TYPE_PATTERN = 1,	/* keys are matched by patterns: not folded, no
				   partial keys */
	TYPE_CREATE = 2,	/* postmap can make one */
	TYPE_FOLDS_ITSELF = 4,	/* the tables inside fold */
	TYPE_SIMPLE = 8,	/* neither file nor server: a proxy is idle */
	TYPE_LAX = 16,		/* may be opened to be written, which then
				   fails */
};

/* What identifies the content of a file, to see that it has changed. */
struct table_stamp {
	dev_t		dev;
	ino_t		ino;
	struct timespec	mtime;
	off_t		size;
	uid_t		owner;		/* of no weight for that */
};

struct table {
	const struct table_type	*type;
	char			*full_name;	/* "hash:/etc/aliases" */
	const char		*name;		/* after the colon */
	int			 flags;
	int			 uses;
	bool			 broken;	/* it could not be opened */
	struct buf		 error;
	struct buf		 folded;	/* the key in use */
	void			*state;		/* the type's */
	char			*path;		/* watched for changes, or NULL */
	int			 watch_fd;	/* O_PATH of it, or -1: it can be
						   watched from within a chroot */
	struct table_stamp	 stamp;		/* of path when it was opened */
	int64_t			 checked_ms;
};

/*
 * open() sets t->state, t->path and t->stamp, or is false after
 * table_fail().  Members that a type can't do are NULL.
 */
struct table_type {
	const char	*name;
	unsigned	 traits;
	bool		(*open)(struct table *);
	bool		(*close)(struct table *, bool publish);
	enum table_result (*find)(struct table *, const char *key,
			    struct buf *ret);
	bool		(*put)(struct table *, const char *key,
			    const char *value);
	enum table_result (*remove)(struct table *, const char *key);
	enum table_result (*sequence)(struct table *, bool first,
			    struct buf *ret_key, struct buf *ret_value);
	/* For types whose TYPE_PATTERN is that of a table inside. */
	bool		(*is_pattern)(const struct table *);
};

/* Sets the error text; false, so that callers may return it. */
bool	table_fail(struct table *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
enum table_result table_fail_find(struct table *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* It can be used, or this is a daemon, which may want another table more
 * (table_on_broken()). */
bool	table_is_tolerated(const struct table *);

/* NULL if there is no such type. */
const struct table_type *table_type_find(const char *name, size_t len);

void	table_stamp_set(struct table_stamp *, const struct stat *);

/* This process has been put in a chroot since the first table was opened: a
 * path means another file or none. */
bool	table_in_chroot(void);

/* Opens t->name as a source and watches it.  NULL after table_fail() with
 * "what NAME: reason". */
struct table_source *table_open_source(struct table *, const char *what);

/* The next item of a list, in place; separators between braces do not count:
 * "inline:{a=1, b=2}" is one item.  NULL at the end. */
char	*table_next_word(char **);

/*
 * Takes the braces off "{text}", and white space within them, in place.  NULL,
 * or what is wrong: "missing '}'", "syntax error after '}'", "no '{' at start
 * of text"; the text is then as it was.
 */
const char *table_unbrace(char *text, char **ret);

/* The words of "{...}" in `text`, or NULL if it is not of that form or
 * empty; `*ret_copy` is the caller's, to be freed; words end with NULL. */
char	**table_words(const char *text, char **ret_copy);

/*
 * The rules of a pattern table, from its file or from "{{rule}, {rule}}":
 * `line` is called with every logical line, which it may change, and the
 * table for t->state.  False after table_fail().
 */
typedef void table_rule_fn(struct table *, char *line, int number);

bool	table_read_rules(struct table *, table_rule_fn *);

extern const struct table_type
	table_type_btree, table_type_cdb, table_type_cidr, table_type_debug,
	table_type_environ, table_type_fail,
	table_type_hash, table_type_inline, table_type_internal,
	table_type_ldap, table_type_lmdb, table_type_memcache,
	table_type_mongodb, table_type_mysql,
	table_type_pcre, table_type_pgsql, table_type_pipemap,
	table_type_proxy, table_type_randmap, table_type_redis,
	table_type_regexp, table_type_socketmap, table_type_sqlite,
	table_type_static, table_type_tcp, table_type_texthash,
	table_type_unionmap, table_type_unix;

#endif
