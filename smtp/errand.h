/* errand - one request on its way, and what it does at one server */

#ifndef SMTP_ERRAND_H
#define SMTP_ERRAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/nexthop.h"
#include "smtp/attempt.h"
#include "smtp/auth.h"
#include "smtp/policy.h"

struct target;

/* deliver.c goes from destination to destination and from server to server;
 * it fills in what stands above the line. */
struct errand {
	struct attempt	 a;
	const char	*destination;	/* as written: one item of the list */
	struct nexthop	 hop;
	uint16_t	 port;
	bool		 is_last;	/* of the destinations */
	bool		 is_fallback;
	bool		 wants_keep;	/* sessions are to be kept */
	bool		 skip_fallback;	/* we are a backup MX ourselves */
	int		 sessions;	/* with this destination that came as far as
					   MAIL could be said */
	struct target	*next;		/* servers not tried yet */
	size_t		 left;		/* of them */

	/* --- errand.c */
	struct policy	 policy;	/* of this server */
	struct login	 login;
	int		 ready_fd;	/* connected to the next; -1 */
};

#define ERRAND_INIT(delivery) { \
	.a = { .d = (delivery), .why = WHY_INIT }, .ready_fd = -1 }

/* With no server in sight the log has no tls= field. */
void	errand_clear_via(struct errand *);

/*
 * The message over a kept session with this server, or over a new one: policy,
 * connection, greeting, login, transfer.  Settles recipients by what the server
 * says; trouble that may be the next server's good luck is left in a.why.
 */
void	errand_try(struct errand *, const struct target *);

#endif
