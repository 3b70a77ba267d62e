/* attempt - what is left of a delivery while servers are tried in turn */

#ifndef SMTP_ATTEMPT_H
#define SMTP_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/deliver.h"
#include "mail/why.h"

struct session;

/*
 * A recipient is left while its status in the delivery is 0.  `why` is the
 * latest trouble that concerned all of them.
 */
struct attempt {
	struct delivery	*d;
	struct session	*session;	/* in use, or NULL */
	bool		 is_final;	/* no other server will be tried: what is
					   temporary ends in deferral */
	bool		 keep;		/* the session is to be kept: no QUIT
					   with the last command */
	bool		 say_requiretls;	/* with MAIL */
	struct why	 why;
	struct deliver_via via;
};

bool	attempt_is_open(const struct attempt *);	/* someone is left */
bool	attempt_is_left(const struct attempt *, size_t rcpt);

/*
 * Settles one recipient, or all that are left, by `why`.  While there are
 * other servers to try, temporary failures are only logged.  `is_dead`: the
 * whole next hop is in trouble, not this message.
 */
void	attempt_fail_one(struct attempt *, size_t rcpt, const struct why *);
void	attempt_fail_all(struct attempt *, const struct why *, bool is_dead);

#endif
