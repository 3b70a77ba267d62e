/* mtasts_client - asking for a domain's MTA-STS policy */

#ifndef MAIL_MTASTS_CLIENT_H
#define MAIL_MTASTS_CLIENT_H

#include <stdbool.h>

#include "mail/mtasts.h"
#include "util/mem.h"

/*
 * Service private/mtasts, any number of requests on a connection:
 *
 *	C: QUERY domain		S: ANSWER [policy] [failure why]
 *
 * The answer may take as long as it takes to fetch the policy:
 * mta_sts_fetch_timeout, and the DNS.
 */
#define MTASTS_SERVICE "private/mtasts"

enum mtasts_frame { MTASTS_QUERY = 1, MTASTS_ANSWER };

enum mtasts_key {
	MTASTS_KEY_DOMAIN = 1,	/* str */
	MTASTS_KEY_POLICY,	/* str: mtasts_write(); missing: there is none */
	MTASTS_KEY_FAILURE,	/* str: how the last try to fetch it failed, as
				   RFC 8460 4.3.2.2 names it */
	MTASTS_KEY_WHY,		/* str */
};

enum { MTASTS_FRAME_MAX = 128 * 1024 };	/* bytes */

struct mtasts_answer {
	bool			found;
	struct mtasts_policy	policy;
	/* NULL: no trouble.  Both with and without a policy, since one that
	 * was fetched earlier stays in force. */
	const char		*failure, *why;
};

/* Strings in the pool.  Answers are kept in the process for a minute.  False:
 * the service can't be reached. */
bool	mtasts_query(struct pool *, const char *domain,
	    struct mtasts_answer *ret);

#endif
