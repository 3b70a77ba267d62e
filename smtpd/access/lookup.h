/* lookup - one access table is asked for one name, address or domain */

#ifndef SMTPD_ACCESS_LOOKUP_H
#define SMTPD_ACCESS_LOOKUP_H

#include "smtpd/access/access.h"
#include "util/buf.h"

struct table;

/*
 * Keys are tried until one is found.  The functions are false when the search
 * has ended: the action was carried out, or the table is broken, and `verdict`
 * is set.
 */
struct lookup {
	struct access	 *a;
	struct table	 *table;
	enum access_about about;
	const char	 *name;		/* for the reply */
	struct buf	  value;
	enum verdict	  verdict;	/* VERDICT_NONE at the start */
};

bool	lookup_key(struct lookup *, const char *key);

/* The domain and those above it. */
bool	lookup_domain(struct lookup *, const char *domain);

/* The address and the networks it is in, by whole bytes. */
bool	lookup_network(struct lookup *, const char *ip);

/* Names that their owners choose may refuse but not permit: then the verdict
 * becomes a configuration error.  `name` is whose it was, for the log. */
void	lookup_forbid_permit(struct lookup *, const char *restriction,
	    const char *name);

/* user+ext@domain, user@domain, domain and above, user+ext@, user@ */
bool	lookup_address(struct lookup *, const char *address);

#endif
