/* feed - what gets into the active queue, and when */

#ifndef QMGR_FEED_H
#define QMGR_FEED_H

#include <stdbool.h>
#include <stdint.h>

/* Once, before the loop: what was active when the last qmgr ended goes back
 * to incoming, and everything is looked through. */
void	feed_start(void);

/* Bytes of enum qmgr_request. */
void	feed_request(const char *requests);

/* A deferred message is due at `when` (seconds, wall clock). */
void	feed_deferred(const char *id, int64_t when);

/* A message shall be tried now, if it is deferred. */
void	feed_now(const char *id);

/* May another message become active?  If not, incoming is looked through
 * again when there is room. */
bool	feed_has_room(void);

/* Stopped for want of room: mail comes in faster than it leaves. */
bool	feed_is_full(void);

/* A new message has become active, which may be a deferred one's turn; one
 * has left the active queue. */
void	feed_took_new(void);
void	feed_left(void);

#endif
