/* cache - what a service has learned, kept in a table or in memory */

#ifndef MAIL_CACHE_H
#define MAIL_CACHE_H

#include <stdbool.h>

#include "util/buf.h"

/*
 * Texts by keys, for one process that owns them: address_verify_map and its
 * kind.  `name` is "type:file", or empty: then the entries are in memory and
 * end with the process; messages call it "internal:TITLE".  A table that
 * can't be opened is logged, and memory takes its place; one that fails later
 * is logged, and knows nothing as long as it does.
 *
 * Call it before the jail: for root a new file belongs to the user `owner`
 * (mail_owner).
 */
struct cache;

struct cache	*cache_open(const char *title, const char *name,
		    const char *owner);
void		 cache_close(struct cache *);

/* False: nothing known.  All three may wait. */
bool		 cache_find(struct cache *, const char *key, struct buf *ret);
void		 cache_put(struct cache *, const char *key, const char *value);
void		 cache_remove(struct cache *, const char *key);

/*
 * Starts a task that removes, every so many seconds and at once if that is
 * due, what `keep` has no use for, and logs "cache NAME full cleanup:
 * retained=N dropped=N entries".  When it was done last stands in the table
 * itself.  Tables that can't list their entries are left alone.
 */
typedef bool cache_keep_fn(void *arg, const char *key, const char *value);

void		 cache_clean_every(struct cache *, int seconds,
		    cache_keep_fn *, void *arg);

#endif
