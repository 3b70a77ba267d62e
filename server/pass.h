/* pass - sessions handed to a service of type "pass" in master.cf */

#ifndef SERVER_PASS_H
#define SERVER_PASS_H

#include <stdbool.h>

#include "net/addr.h"

struct stream;

/*
 * The receiving program is served a stream on the descriptor that came, as if
 * it had accepted the connection; server_passed() tells what is known of it.
 */

/*
 * Hands over a connection: `path` is "private/smtpd".  `client` and `server`
 * are its ends, if a proxy stands in front; NULL: as the socket has them.  The
 * descriptor stays the caller's, to be closed.  Waits some seconds at most;
 * false with errno.
 */
bool	pass_send(const char *path, int fd, const struct addr *client,
	    const struct addr *server);

/* For server/: takes what a connection to the service brings; NULL with a
 * warning if it is nothing.  Closes `from`. */
struct passed {
	struct addr	client, server;
	bool		has_ends;
};

struct stream *pass_receive(struct stream *from, struct passed *ret);

#endif
