/* resolve_client - asking trivial-rewrite where a recipient goes */

#ifndef MAIL_RESOLVE_CLIENT_H
#define MAIL_RESOLVE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

enum resolve_flag {
	RESOLVE_CLASS_LOCAL = 1, RESOLVE_CLASS_ALIAS = 2,
	RESOLVE_CLASS_VIRTUAL = 4, RESOLVE_CLASS_RELAY = 8,
	RESOLVE_CLASS_DEFAULT = 16,
	RESOLVE_ROUTED = 32,	/* sender-specified routing in the local part */
	RESOLVE_ERROR = 64,	/* bad address: bounce */
	RESOLVE_FAIL = 128,	/* a table failed: try later */
	RESOLVE_BY_DOMAIN = 256, /* the same for every plain local part */
};

#define RESOLVE_FINAL (RESOLVE_CLASS_LOCAL | RESOLVE_CLASS_ALIAS | \
	RESOLVE_CLASS_VIRTUAL | RESOLVE_CLASS_RELAY)

/*
 * A local part without '@', '%', '!', that does not begin with '-' and is not
 * empty: what is known by RESOLVE_BY_DOMAIN of one such address of a domain
 * holds for all.
 */
bool	resolve_is_plain(const char *address);

struct resolved {
	const char	*transport;	/* "smtp", "local", "error" */
	const char	*nexthop;
	const char	*recipient;	/* internal, may differ from the query */
	unsigned	 flags;
};

/*
 * Protocol "resolve" on private/rewrite (mail/resolve_proto.h):
 *	C: RESOLVE sender recipient+	S: RESOLVED (transport nexthop
 *					recipient flags)+  in order
 *	C: REWRITE context address+	S: REWRITTEN address+
 *
 * Results live in `pool`.  Answers are cached in the process for at most a
 * second.  False: the service can't be reached within ipc_timeout.
 */
struct pool;

bool	resolve_recipients(struct pool *, const char *sender,
	    const char *const *recipients, size_t count, struct resolved *ret);
bool	resolve_one(struct pool *, const char *sender, const char *recipient,
	    struct resolved *ret);

#endif
