/* hit - who wants to know which entries were found */

#ifndef TABLE_HIT_H
#define TABLE_HIT_H

/*
 * For a command that explains: it is told of every entry that a list of
 * tables or a list of patterns found.  `title` is the parameter, `where` the
 * table ("hash:/etc/aliases") or the pattern, `value` the entry's or NULL for
 * a pattern.  Nobody is told by default.
 */
typedef void table_hit_fn(void *arg, const char *title, const char *where,
	    const char *key, const char *value);

void	table_on_hit(table_hit_fn *, void *arg);

/* For table/. */
extern struct table_hit {
	table_hit_fn	*fn;
	void		*arg;
} table_hit;

static inline void
table_tell_hit(const char *title, const char *where, const char *key,
    const char *value)
{
	if (table_hit.fn != 0)
		table_hit.fn(table_hit.arg, title, where, key, value);
}

#endif
