/* sts - MTA-STS (RFC 8461) in the policy for a server */

#ifndef SMTP_STS_H
#define SMTP_STS_H

#include <stdbool.h>

#include "mail/why.h"
#include "util/mem.h"

struct nexthop;
struct policy;
struct target;

/* May there be a policy at all, for mail to this next hop? */
bool	sts_is_eligible(const struct nexthop *);

/*
 * Asks for the policy of the domain and applies it: ret->level becomes
 * TLS_LEVEL_SECURE, or ret->testing is set, or nothing changes.  False with
 * why: the service is not there, or the policy does not want this host.
 */
bool	sts_apply(struct pool *, const struct nexthop *,
	    const struct target *, struct policy *ret, struct why *why);

/*
 * The same with a policy that came from smtp_tls_policy_maps: `patterns` are
 * lines.  Whether it wants this host.
 */
bool	sts_apply_patterns(struct pool *, const char *patterns,
	    const struct target *, struct policy *ret, struct why *why);

#endif
