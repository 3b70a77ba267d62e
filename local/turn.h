/* turn - our own deliveries to one mailbox go one after the other */

#ifndef LOCAL_TURN_H
#define LOCAL_TURN_H

#include <stdbool.h>

/*
 * The locks that mail readers know can only be tried again and again.  Among
 * ourselves we wait in line, in the kernel, and only who is first tries them.
 * A turn protects nothing: who can't have one goes on without.
 */

/* Before the jail, in the queue directory. */
void	turn_open(void);

/* At most one at a time.  The wait ends after so many seconds.  True: there was
 * one. */
bool	turn_take(const char *path, int wait_seconds);
void	turn_end(void);

#endif
