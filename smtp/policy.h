/* policy - how much privacy a next hop asks for */

#ifndef SMTP_POLICY_H
#define SMTP_POLICY_H

#include <stdbool.h>

/*
 * smtp_tls_security_level and what overrides it.  TLS itself is not spoken
 * by this release: where it is required, mail waits.
 */
struct policy {
	const char	*level;		/* "none", "may", "encrypt" ... */
	bool		 tls_required;
};

/* False with why (static text) when a table fails: try later. */
bool	policy_find(const char *nexthop, bool requiretls, struct policy *ret,
	    const char **ret_why);

/*
 * The tls= field of the log; NULL for none.  `is_open`: the session was
 * established.  `failed`: it ended because of this policy.
 */
const char *policy_log_field(const struct policy *, bool is_open, bool failed);

#endif
