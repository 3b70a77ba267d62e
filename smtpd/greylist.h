/* greylist - who may come back later: rules without I/O (RFC 6647) */

#ifndef SMTPD_GREYLIST_H
#define SMTPD_GREYLIST_H

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"
#include "util/buf.h"

/*
 * A triplet (client's network, sender, recipient) that was never seen is put
 * off; mail servers try again, much spam software does not.  It passes when it
 * comes again after `delay` and within `window`, and stays known for `lifetime`
 * after it was last seen.  A client of which `allow_after` triplets have passed
 * is put off no more, as long as it is seen within `lifetime`.
 */
struct greylist_rules {
	int	delay, window, lifetime;	/* seconds */
	int	allow_after;			/* 0: never */
};

/* What is kept of a triplet, or of a client ("first" and `passes` of all its
 * triplets).  Times are seconds since 1970. */
struct greylist_record {
	int64_t	 first, last;
	unsigned passes;
};

#define GREYLIST_RECORD_MAX 64	/* bytes of text */

/* "FIRST LAST PASSES"; false if the text is something else. */
bool	greylist_parse(const char *, struct greylist_record *);
void	greylist_format(const struct greylist_record *,
	    char ret[GREYLIST_RECORD_MAX]);

/* Of no use any more: a client, or a triplet. */
bool	greylist_is_stale(const struct greylist_rules *,
	    const struct greylist_record *, int64_t now);

enum greylist_verdict {
	GREYLIST_NEW,		/* seen for the first time: put off */
	GREYLIST_EARLY,		/* came again too soon: put off */
	GREYLIST_PASSES,	/* came again as it should, for the first time */
	GREYLIST_KNOWN,
};

/*
 * Judges a triplet; `r` is what was kept, with passes 0 and first 0 if
 * nothing, and becomes what shall be kept from now on.  *ret_store: it has
 * changed enough to be written.
 */
enum greylist_verdict greylist_judge(const struct greylist_rules *,
	    struct greylist_record *r, int64_t now, bool *ret_store);

/* Is the client known well enough?  *ret_store as above. */
bool	greylist_client_passes(const struct greylist_rules *,
	    struct greylist_record *r, int64_t now, bool *ret_store);

/* One of the client's triplets has passed for the first time. */
void	greylist_client_earns(const struct greylist_rules *,
	    struct greylist_record *r, int64_t now);

/* "192.0.2.0/24": the network that is one client. */
void	greylist_network(struct buf *, const struct addr *, int v4_bits,
	    int v6_bits);

/*
 * "NETWORK/sender/recipient" in lower case.  Senders that differ in numbers or
 * extension, as those of mailing lists do from mail to mail, are the same.
 */
void	greylist_key(struct buf *, const char *network, const char *sender,
	    const char *recipient);

#endif
