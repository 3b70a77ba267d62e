/* upstream - who the client is, directly or behind a proxy */

#ifndef SMTPD_UPSTREAM_H
#define SMTPD_UPSTREAM_H

#include <stdbool.h>

struct session;

/*
 * Fills in s->client: from the socket, or from the header that a proxy sends
 * first (smtpd_upstream_proxy_protocol).  False after a warning when there is
 * no sound header in time; s->client is then the proxy.
 */
bool	upstream_find_client(struct session *);

/* Its label and whether we trust it (mynetworks), anew after its name or
 * address was changed. */
void	upstream_judge_client(struct session *);

#endif
