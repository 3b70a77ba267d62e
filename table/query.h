/* query - templates that make a question of a key and a result of values
 * (private to table/) */

#ifndef TABLE_QUERY_H
#define TABLE_QUERY_H

#include <stdbool.h>

#include "table/settings.h"
#include "util/buf.h"

struct match;

/*
 *	%%	a percent sign
 *	%s	the key
 *	%u	what stands before its last '@', or the whole key
 *	%d	what stands behind it
 *	%1 ...	the components of the domain from its end: com, example, mail
 *	%S ...	the same; in a result format, where %s %u %d are of a value,
 *		those of the key
 *
 * A key that lacks something that a template wants is not looked up.
 */

/* NULL, or what is wrong. */
const char *query_template_check(const char *);

/* The key has what the template wants of it. */
bool	query_fits(const char *tmpl, const char *key, bool is_result);

/*
 * Adds to `out` a part of the template (is_literal) or a substitute, which it
 * quotes as its place demands.  False: it can't be said there.
 */
typedef bool query_add_fn(void *arg, struct buf *out, struct str,
	    bool is_literal);

/* False: query_add_fn was. */
bool	query_expand(struct buf *out, const char *tmpl, const char *key,
	    query_add_fn *, void *arg);

/* What is shared by the settings of all these types. */
struct query {
	struct settings	 settings;
	const char	*result_format;
	int		 expansion_limit;
	struct match	*domain;	/* or NULL: any */
};

/* Reads the settings; the caller reads those of its type, then looks at
 * settings.failed.  False after table_fail(). */
bool	query_init(struct query *, struct table *);
void	query_done(struct query *);

/* A template from the settings; checked. */
const char *query_setting(struct query *, const char *name, const char *def);

/*
 * TABLE_FOUND: the key may be asked for.  TABLE_NOT_FOUND: it is of no domain
 * in `domain`, is not UTF-8, or lacks a part.  `templates` ends with NULL.
 */
enum table_result query_wants(struct query *, struct table *,
	    const char *key, const char *const *templates);

/*
 * Adds a value of an answer to the result.  *count: of values so far.  False
 * after table_fail(): more than expansion_limit.
 */
bool	query_add_value(struct query *, struct table *, const char *key,
	    struct str value, int *count, struct buf *result);

#endif
