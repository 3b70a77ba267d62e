/* biff - tells comsat of new mail */

#ifndef LOCAL_BIFF_H
#define LOCAL_BIFF_H

#include <sys/types.h>

/* "user@offset" to the service biff/udp of this host: where the new message
 * begins in the mailbox.  Nobody waits for it, and where nobody listens it is
 * left out for a while. */
void	biff_notify(const char *user, off_t offset);

#endif
