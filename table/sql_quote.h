/* sql_quote - keys within SQL statements (private to table/) */

#ifndef TABLE_SQL_QUOTE_H
#define TABLE_SQL_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

/*
 * What stands at a place of a statement:
 *
 *	'...'	a string; the client library quotes for its connection
 *	"..."	mysql: a string; else a name
 *	`...`	a name
 *	E'...'	pgsql: a string with backslashes
 *	else	a number or a word: of nothing but letters, digits, '_', '.'
 *
 * so that a key can't end what it stands in, whatever the template is.
 */
enum sql_dialect { SQL_MYSQL, SQL_PGSQL, SQL_SQLITE };

enum sql_place {
	SQL_PLAIN, SQL_STRING, SQL_DOUBLE, SQL_BACKTICK, SQL_ESCAPES,
};

/* Quotes for use between single quotes; false: it can't be done. */
typedef bool sql_quote_fn(void *arg, struct buf *out, struct str);

struct sql_quote {
	enum sql_dialect	 dialect;
	sql_quote_fn		*quote;
	void			*arg;
	enum sql_place		 place;		/* at the end of what was added */
	bool			 escaped;	/* a backslash was last */
	char			 before;	/* the byte that was last */
};

/* A query_add_fn (table/query.h) for a zeroed struct sql_quote with the first
 * three members set. */
bool	sql_quote_add(void *arg, struct buf *out, struct str, bool is_literal);

#endif
