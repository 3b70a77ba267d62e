/* outgoing - a message as a server shall see it: addresses and header */

#ifndef SMTP_OUTGOING_H
#define SMTP_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

struct attempt;
struct delivery;

/* Strings and lists live in the delivery's pool. */
struct outgoing {
	const char	*sender;
	size_t		*rcpt;		/* indexes of those who are left */
	const char	**address;	/* of each of them */
	size_t		 count;
	struct buf	 header;
	bool		 has_header;	/* instead of the file's */
	struct buf	 front;		/* fields before it: prepend.h */
};

#define OUTGOING_INIT { .header = BUF_INIT, .front = BUF_INIT }

/* The recipients that are left, and a sender for all of them (SRS). */
void	outgoing_choose(struct outgoing *, const struct attempt *);

/*
 * Then smtp_generic_maps for them and, unless only addresses are of interest,
 * the header; and the fields in front.  False: a table failed, and the log
 * says so.
 */
bool	outgoing_rewrite(struct outgoing *, struct delivery *,
	    bool with_content);

void	outgoing_done(struct outgoing *);

#endif
