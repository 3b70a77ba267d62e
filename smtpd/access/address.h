/* address - what sender and recipient restrictions have in common */

#ifndef SMTPD_ACCESS_ADDRESS_H
#define SMTPD_ACCESS_ADDRESS_H

#include "smtpd/access/access.h"

/* The domain must have a dot or be a literal. */
enum verdict	access_non_fqdn(struct access *, enum access_about,
		    const char *address);

/* The domain must exist, unless it is one of ours. */
enum verdict	access_unknown_domain(struct access *, enum access_about,
		    const char *address, const struct resolved *);

#endif
