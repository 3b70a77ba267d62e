/* spool - content that is kept until all is known of its message */

#ifndef MAIL_SPOOL_H
#define MAIL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/content.h"
#include "util/buf.h"

struct stream;

/*
 * A few bytes stay in memory; more go to a file without a name in incoming/,
 * which is gone with the process.  The first error stays (errno in `error`):
 * what is added later is dropped, and nothing can be had any more.
 */
struct spool {
	struct buf	 tail;		/* not in the file */
	int		 fd;		/* -1: all is in memory */
	uint64_t	 filed;		/* bytes in the file */
	int		 error;
};

#define SPOOL_INIT { .tail = BUF_INIT, .fd = -1 }

void	spool_add(struct spool *, const void *, size_t);

/* All of it, as often as wanted: in pieces, or to a stream.  False with
 * `error`; errors of the stream are the stream's. */
bool	spool_read(struct spool *, content_fn *, void *arg);
bool	spool_send(struct spool *, struct stream *);

void	spool_done(struct spool *);

#endif
