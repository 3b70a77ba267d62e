/* cache - sessions kept open for the next message */

#ifndef SMTP_CACHE_H
#define SMTP_CACHE_H

#include <stdbool.h>

struct addr;
struct session;

/* Is a session to be kept after this delivery? */
bool		 cache_is_wanted(const char *destination, unsigned flags);

/* False: it is broken, too old, or was used often enough. */
bool		 cache_may_keep(const struct session *);

/* Gives a session in a clean state to the cache, or ends it when it may not be
 * kept or the process keeps too many. */
void		 cache_put(struct session *);

/*
 * A session to the address and port, of that user or of nobody (NULL), under
 * that policy (policy->key); NULL if there is none.  Those whose servers
 * have said something or hung up are ended, not returned.
 */
struct session	*cache_take(const struct addr *, const char *login,
		    const char *policy);
bool		 cache_has(const struct addr *);	/* may have died */

/* Ends all of them: the process ends. */
void		 cache_end(void);

#endif
