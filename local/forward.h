/* forward - members of lists, handed to cleanup as a new message */

#ifndef LOCAL_FORWARD_H
#define LOCAL_FORWARD_H

#include <stdbool.h>

#include "mail/why.h"
#include "util/buf.h"

struct delivery;
struct recipient;
struct forward;

/*
 * All members gathered for one sender and one Delivered-To: become one message:
 * the same content with a Received: and a Delivered-To: field in front.  Nothing
 * is sent until forward_finish().  A recipient's forwards are a list.
 */

/* The one for these; made as needed. */
struct forward	*forward_for(struct forward **list, const char *sender,
		    const char *delivered_to);
void		 forward_free_all(struct forward *);

/* `of`: the recipient of the request that the member comes from; its original
 * address and DSN wishes are passed on, but no address `of_list`, a mailing list
 * with an owner. */
void		 forward_add(struct forward *, const char *address,
		    const struct recipient *of, bool of_list);

/* DONE: `why` says "forwarded as ID".  TRY_LATER otherwise. */
enum outcome	 forward_finish(struct forward *, struct delivery *,
		    struct why *);
struct forward	*forward_next(struct forward *);

#endif
