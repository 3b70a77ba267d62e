/* xcommand - what XCLIENT and XFORWARD have in common */

#ifndef SMTPD_XCOMMAND_H
#define SMTPD_XCOMMAND_H

#include <stdbool.h>

#include "smtpd/xattr.h"

struct command_line;
struct session;

/* Takes an attribute's value.  False: it is not of the right form. */
typedef bool xcommand_take_fn(void *arg, const struct xattr *);

struct xcommand {
	const char	*name;		/* "XCLIENT" */
	const struct xcommand_attr {
		const char	 *name;
		xcommand_take_fn *take;
	}		*attrs;		/* ends with a NULL name */
};

/* May it be said here and now, by a client that is or is not `allowed` to?
 * False: refused, with a reply. */
bool	xcommand_may_run(struct session *, const struct xcommand *,
	    const struct command_line *, bool allowed);

/* Takes all attributes of the line, which is split in place.  False: one was
 * refused, with a reply. */
bool	xcommand_take(struct session *, const struct xcommand *,
	    struct command_line *, void *arg);

#endif
