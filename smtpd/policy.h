/* policy - asking policy servers */

#ifndef SMTPD_POLICY_H
#define SMTPD_POLICY_H

#include <stdbool.h>

struct buf;

/*
 * A server as a check_policy_service restriction names it: "inet:host:port",
 * "unix:path", or "{ server, name=value ... }" with settings of its own.
 * Connections are kept and shared by the sessions of the process; each request
 * has one for itself, so that a slow server stalls who waits for it and nobody
 * else.
 */
struct policy {
	char	*where;			/* "inet:127.0.0.1:10031" */
	char	*default_action;
	char	*context;
	int	 timeout, max_idle, max_ttl, retry_delay;	/* seconds */
	int	 request_limit, try_limit;
	struct policy_pool *pool;
};

/* The same text gives the same service.  NULL after a warning if it makes no
 * sense. */
struct policy	*policy_find(const char *text);

/*
 * Sends a request, name=value lines with the empty line.  False after a
 * warning when there is no answer within the limits.  `owner` tells requests
 * of different sessions apart: those of one like to use the same connection.
 */
bool		 policy_ask(struct policy *, const void *owner,
		    const struct buf *request, struct buf *ret_action);

#endif
