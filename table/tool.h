/* tool - what postmap and postalias share: asking, listing, deleting */

#ifndef TABLE_TOOL_H
#define TABLE_TOOL_H

#include <stdbool.h>
#include <stdio.h>

/*
 * `separator` stands between key and value ("\t", ":\t"); with `json` each
 * entry is an object on a line of its own.  Names are "type:name", in order.
 * Results go to `out`.
 */
struct table_tool {
	const char	*separator;
	bool		 json;
	bool		 decode;	/* values are base64: print the bytes */
	int		 flags;		/* for table_open() */
	char		**names;
	int		 count;
	FILE		*out;
};

enum tool_result {
	TOOL_OK,
	TOOL_NONE,		/* nothing was found: exit status 1 */
	TOOL_ERROR,		/* *ret_why: text for fatal */
};

struct buf;
struct table;
struct table_source;

enum tool_result tool_find(const struct table_tool *, const char *key,
		    struct buf *why);

/* Looks `key` up in tables opened before: for many keys. */
struct tool_session;
struct tool_session *tool_open(const struct table_tool *, struct buf *why);
enum tool_result tool_ask(struct tool_session *, const char *key,
		    struct buf *why);
void		 tool_close(struct tool_session *);

enum tool_result tool_list(const struct table_tool *, struct buf *why);

/* Keys from `in`, a line each, if key is "-". */
enum tool_result tool_delete(const struct table_tool *, const char *key,
		    FILE *in, struct buf *why);

/* Puts "$default_database_type:" in front of names without a type. */
void	tool_take_names(struct table_tool *, char **names, int count);

/* berkeley_db_*_buffer_size. */
void	tool_set_limits(void);

/*
 * A table that is to be built from its source file, or (`incremental`) changed
 * from standard input.  Unless `keep_root`, root acts as the owner of a source
 * file that is somebody else's until tool_built().  *ret_source: the source's
 * name for messages.  NULL with why.
 */
struct table	*tool_build(const struct table_tool *, const char *name,
		    bool incremental, bool keep_mode, bool keep_root,
		    struct table_source **ret, const char **ret_source,
		    struct buf *why);
bool		 tool_built(struct table *, struct table_source *,
		    struct buf *why);

#endif
