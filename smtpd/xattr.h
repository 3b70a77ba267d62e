/* xattr - the attributes of XCLIENT and XFORWARD, without I/O */

#ifndef SMTPD_XATTR_H
#define SMTPD_XATTR_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "util/buf.h"

/*
 * "NAME=value", the value in xtext.  Clients of old did not encode: what is no
 * xtext is taken as it stands.
 */
struct xattr {
	const char	*name;		/* as written */
	struct buf	 value;		/* decoded; bytes that must not stand in
					   headers and logs are '?' */
	bool		 unavailable;	/* "[UNAVAILABLE]" */
	bool		 temporary;	/* "[TEMPUNAVAIL]" */
};

#define XATTR_INIT { .value = BUF_INIT }

/* `word` is split in place.  NULL, or the reply. */
const char	*xattr_parse(struct xattr *, char *word);

/* Checks of values that are not "unavailable". */
bool	xattr_is_hostname(const struct xattr *);
bool	xattr_address(const struct xattr *, struct addr *ret);
bool	xattr_port(const struct xattr *, uint16_t *ret);

#endif
