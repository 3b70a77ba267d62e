/* xforward - where mail came from before a filter had it */

#ifndef SMTPD_XFORWARD_H
#define SMTPD_XFORWARD_H

#include <stdbool.h>

struct session;

/*
 * What XFORWARD told.  It is for logs alone.  Facts of the client stand in
 * place of all those of the session: they are never mixed.  Ends with the
 * transaction.
 */
struct forwarded {
	const char	*name, *ip, *port;	/* "unknown" until told */
	const char	*helo, *protocol;	/* "" until told */
	const char	*label;			/* "name[ip]" */
	bool		 has_client;		/* one of these was told */
	const char	*ident;			/* queue id; "" */
	const char	*source;		/* "local", "remote", "" */
};

/* The same of the session itself, if there was no XFORWARD.  `ret` is filled
 * with pointers that live as long as the transaction. */
void	xforward_facts(struct session *, struct forwarded *ret);

#endif
