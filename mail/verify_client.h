/* verify_client - asking whether an address can be delivered to */

#ifndef MAIL_VERIFY_CLIENT_H
#define MAIL_VERIFY_CLIENT_H

#include <stdbool.h>

#include "util/buf.h"

/*
 * Service private/verify, any number of requests on a connection:
 *
 *	C: QUERY address		S: RESULT status text
 *	C: UPDATE address status text	S: RESULT status (as taken)
 *
 * Addresses are in internal form.  A query for an address of which nothing
 * is known starts a probe and tells VERIFY_TODO at once; who delivers the
 * probe sends the update.
 */
enum verify_status {	/* the numbers stand in address_verify_map */
	VERIFY_OK, VERIFY_DEFER, VERIFY_BOUNCE, VERIFY_TODO,
};

#define VERIFY_SERVICE "private/verify"

enum verify_frame { VERIFY_QUERY = 1, VERIFY_UPDATE, VERIFY_RESULT };

enum verify_key {
	VERIFY_KEY_ADDRESS = 1,		/* str */
	VERIFY_KEY_STATUS,		/* u64: enum verify_status */
	VERIFY_KEY_TEXT,		/* str: why */
};

enum { VERIFY_FRAME_MAX = 64 * 1024 };	/* bytes */

/* False: the service can't be reached. */
bool	verify_query(const char *address, enum verify_status *ret,
	    struct buf *ret_text);
bool	verify_update(const char *address, enum verify_status,
	    const char *text);

/*
 * The sender of probes, appended in internal form: address_verify_sender
 * completed with `origin`, with a part that changes every `ttl` seconds if
 * that is not 0; "" is the null sender.  verify_is_sender(): is it, now or
 * until a moment ago?  Its mail is the answer to a probe of ours.
 */
struct verify_sender {
	const char	*address;	/* as configured */
	const char	*origin;	/* myorigin */
	int		 ttl;
};

void	verify_sender(struct buf *, const struct verify_sender *);
bool	verify_is_sender(const char *address, const struct verify_sender *);

#endif
