/* auth - logging in to servers (RFC 4954) */

#ifndef SMTP_AUTH_H
#define SMTP_AUTH_H

#include <stdbool.h>

#include "mail/why.h"

struct delivery;
struct session;

/* Before the jail: opens tables and the SASL library, if logins are on. */
void	auth_start(void);

/*
 * Who logs in at a server; strings are the delivery's.  `user` is NULL when
 * nobody does.  Sessions are shared by deliveries of the same user only.
 */
struct login {
	const char	*user, *password;
	const char	*token_at;	/* instead of a password: "file:/path"
					   or "service:path" */
	bool		 trouble;	/* the table could not be asked */
};

/* By sender (if that is wanted), server, and next hop as written. */
void	auth_find(struct delivery *, const char *host, const char *destination,
	    struct login *ret);

/*
 * After EHLO: logs in if there is a login and the server offers AUTH.  False
 * with why; the session is good for QUIT then, if its stream is.
 */
bool	auth_log_in(struct session *, const struct login *, struct why *);

#endif
