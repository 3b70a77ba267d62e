/* requiretls - what a message wants of the way it goes (RFC 8689) */

#ifndef SMTP_REQUIRETLS_H
#define SMTP_REQUIRETLS_H

#include "mail/why.h"

struct nexthop;
struct policy;
struct session;

/* In order of what is demanded. */
enum wish {
	WISH_LESS = -1,		/* "TLS-Required: no": what main.cf and DANE
				   demand does not count */
	WISH_NONE,		/* REQUIRETLS was not said, or is ignored */
	WISH_OPPORTUNISTIC,	/* said again where the server knows it */
	WISH_STARTTLS,		/* the same, but never in the clear */
	WISH_ENFORCE,		/* proven server that knows REQUIRETLS, or the
				   message goes back */
};

/* What came of it, for the log. */
enum wish_state {
	WISH_UNDECIDED, WISH_FULFILLED, WISH_NO_STARTTLS, WISH_NO_MATCH,
	WISH_UNKNOWN_TO_SERVER,
};

/* Opens the tables of smtp_requiretls_policy; before the jail. */
void		requiretls_init(void);

/* By the flags of the message and smtp_requiretls_policy for the next hop.
 * False with why: a table can't be read. */
bool		requiretls_find(unsigned env_flags, const struct nexthop *,
		    enum wish *ret, struct why *why);

/* Once the server's offers are known: notes the state in the policy.  False
 * with why: the message must not go there. */
bool		requiretls_check(struct policy *, const struct session *,
		    struct why *why);

/* The part of the tls= field: "/requiretls:none"; "" for none. */
const char	*requiretls_log_field(const struct policy *);

#endif
