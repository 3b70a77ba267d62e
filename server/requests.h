/* requests - serving one answer to each request of another service */

#ifndef SERVER_REQUESTS_H
#define SERVER_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>

struct frame;
struct stream;

/* Makes `reply` of `request`.  False: the request makes no sense. */
typedef bool requests_answer_fn(const struct frame *request,
	    struct frame *reply);

/*
 * Answers frames of at most `max` bytes until the client (mail/peer.h) has
 * enough, sends what makes no sense, which is logged, or the process is to
 * end.  It may wait as long as it likes for the next one: who asks decides
 * how long a connection is kept.
 */
void	requests_serve(struct stream *client, size_t max,
	    requests_answer_fn *);

#endif
