/* rewrite - addresses into their standard form: pure functions */

#ifndef MAIL_REWRITE_H
#define MAIL_REWRITE_H

#include <stdbool.h>

#include "util/buf.h"

/* The parameters that matter. */
struct rewrite_rules {
	const char	*origin;		/* myorigin; "invalid domain" class
						   for remote headers */
	const char	*mydomain;
	bool		 append_at_origin;	/* append_at_myorigin */
	bool		 append_dot_domain;	/* append_dot_mydomain */
	bool		 swap_bangpath;
	bool		 percent_hack;		/* allow_percent_hack */
};

/* As main.cf has them: for mail of this site, and for headers from elsewhere
 * (remote_header_rewrite_domain). */
struct rewrite_rules rewrite_rules_local(void);
struct rewrite_rules rewrite_rules_remote(void);

/*
 * Removes source routes, turns site!user into user@site, user%domain (at
 * origin or without domain) into user@domain, completes user and user@host;
 * strips final dots of the domain.  Both are internal forms; appended.
 * The null address stays null.
 */
void	rewrite_standard(struct buf *out, const char *address,
	    const struct rewrite_rules *);

/* The same from the external form: what is in quotes is no operator, so that
 * "a!b" and "a@b" are users of this site; "" and @ become the null address. */
void	rewrite_external(struct buf *out, const char *external,
	    const struct rewrite_rules *);

#endif
