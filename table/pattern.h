/* pattern - the rules of regexp: and pcre: tables (private to table/) */

#ifndef TABLE_PATTERN_H
#define TABLE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "table/table_type.h"

struct buf;

enum { PATTERN_GROUPS = 100 };	/* $0 is not offered, $1 to $99 are */

struct pattern_span {
	ssize_t	begin, end;		/* -1: the group took no part */
};

enum pattern_match { PATTERN_YES, PATTERN_NO, PATTERN_TROUBLE };

/*
 * What an engine does.  `options` are the letters after the closing
 * delimiter, each of which flips the default; letters are checked by
 * option() first.
 */
struct pattern_engine {
	const char	*type;		/* "regexp", for messages */
	/* Words of messages that are not the same for both engines. */
	const char	*without_delimiter, *out_of_range;
	bool		has_second;	/* /this/!/but not this/ */
	/* 0 if the letter is unknown, < 0 if it is known and obsolete. */
	int		(*option)(char letter);
	/* NULL with the reason added to `why`; *ret_groups: how many. */
	void		*(*compile)(const char *pattern, unsigned options,
			    int *ret_groups, struct buf *why);
	enum pattern_match (*match)(void *compiled, const char *text,
			    size_t len, struct pattern_span *spans,
			    size_t span_count, struct buf *why);
	void		(*free)(void *compiled);
};

bool	pattern_open(struct table *, const struct pattern_engine *);
bool	pattern_close(struct table *, bool publish);
enum table_result pattern_find(struct table *, const char *key,
	    struct buf *ret);

#endif
