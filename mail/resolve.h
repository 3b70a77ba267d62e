/* resolve - from a recipient address to transport and next hop */

#ifndef MAIL_RESOLVE_H
#define MAIL_RESOLVE_H

#include "mail/route.h"
#include "util/buf.h"

/* Once, after route_init() and own_addr_init(). */
void	resolve_init(void);

struct answer {
	struct route	route;
	struct buf	recipient;	/* internal */
	unsigned	flags;		/* enum resolve_flag */
};

#define ANSWER_INIT { .route = { .transport = BUF_INIT, \
	.nexthop = BUF_INIT }, .recipient = BUF_INIT }

/* Both addresses in internal form.  The answer is emptied first. */
void	resolve(enum route_set, const char *sender, const char *recipient,
	    struct answer *);
void	resolve_answer_done(struct answer *);

/* "remote" and (any other name) local context of address rewriting; the
 * result is appended. */
void	resolve_rewrite(const char *context, const char *address,
	    struct buf *out);

#endif
