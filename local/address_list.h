/* address_list - what an alias, a .forward or an :include: file says */

#ifndef LOCAL_ADDRESS_LIST_H
#define LOCAL_ADDRESS_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "util/mem.h"

enum target_kind {
	TARGET_ADDRESS,		/* internal form, as written: may lack a domain */
	TARGET_COMMAND,		/* without the '|' */
	TARGET_FILE,		/* absolute path, or "~/..." */
	TARGET_INCLUDE,		/* path after ":include:" */
};

struct target {
	enum target_kind	 kind;
	const char		*text;
};

struct target_list {
	struct target	*items;
	size_t		 count, size;
};

enum { TARGET_LIST_MAX = 1000000 };	/* items, of one list */

/*
 * Adds the items of "bob, \"|command with args\", :include:/path, /file,
 * Carol <carol@example.com>".  Strings live in the pool.  False when the list
 * has too many items.
 */
bool	target_list_parse(struct target_list *, struct pool *, const char *text);

/* A whole file, which stays open: '#' comments, continuation by leading white
 * space.  False with errno; E2BIG for too many items. */
bool	target_list_read(struct target_list *, struct pool *, int fd,
	    size_t max_bytes);

#endif
