/* race - a second server when the first does not answer soon */

#ifndef SMTP_RACE_H
#define SMTP_RACE_H

#include <stdbool.h>
#include <stdint.h>

struct addr;

/*
 * Connects to `first`; when that has not answered after `head_start_ms`, to
 * `second` too, and takes who answers first (RFC 8305 in small: two at most).
 * A descriptor and who it was, or -1 with errno of the first.  The loser's
 * connection is closed when it comes to be; what it finds out of its address
 * is remembered (dead.h).  Only so many races go on at once: beyond, the
 * second waits for its turn as it would without.
 */
int	race_connect(const struct addr *first, const struct addr *second,
	    int64_t head_start_ms, int64_t deadline, bool *ret_second);

#endif
