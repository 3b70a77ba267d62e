/* deadline - how long a client may take over its content */

#ifndef SMTPD_DEADLINE_H
#define SMTPD_DEADLINE_H

#include <stddef.h>
#include <stdint.h>

struct stream;

/*
 * Without smtpd_per_request_deadline each read may take smtpd_timeout.  With
 * it, that is for the whole request: time spent in reads is taken off, and
 * every smtpd_min_data_rate bytes that come give a second back, so that a
 * client can't trickle.
 */
struct deadline {
	struct stream	*stream;
	int64_t		 left_ms;
};

void		 deadline_begin(struct deadline *, struct stream *);

/* stream_peek() within it. */
const char	*deadline_peek(struct deadline *, size_t *ret_len);

#endif
