/* stream_int - inside of a stream; for util/stream*.c only */

#ifndef UTIL_STREAM_INT_H
#define UTIL_STREAM_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/stream.h"

enum stream_kind { STREAM_FILE, STREAM_INET, STREAM_UNIX };

/*
 * in[in_at .. in_end) was received and not consumed; out[0 .. out_len) waits
 * to be sent.  A buffer that is empty is given back before a wait, so `in`
 * and `out` are NULL in an idle stream.  After a failure both are.  A reader
 * that takes what has come gets a large `in` after a read that filled a small
 * one, as long as there is no need to wait.
 */
struct stream {
	int			 fd;
	uint8_t			 kind;
	bool			 was_blocking;	/* to be restored at the end */
	bool			 timed_out, eof;
	bool			 eof_seen;	/* the next read reports it */
	bool			 drained;	/* nothing was left to receive, as
						   of the last system call */
	bool			 in_is_large;
	uint16_t		 out_len;
	uint32_t		 in_at, in_end;
	char			*in, *out;
	const char		*failed;
	int64_t			 deadline;
	uint64_t		 bytes_in, bytes_out;
	const struct stream_ops	*ops;
	void			*ops_arg;
	int			 fd_to_send;	/* borrowed, or -1 */
	int			 fds_received[4]; /* owned, oldest first */
	uint8_t			 fd_count;
};

/* STREAM_BUFFER bytes, from the pool of the process. */
char	*stream_buffer_get(void);
void	 stream_buffer_put(char *);

void	 stream_fail_errno(struct stream *, int error);

/* As stream_flush(), for what comes right before close(2). */
bool	 stream_flush_last(struct stream *);

/* Waits; fails the stream and is false when the deadline passes. */
bool	 stream_wait(struct stream *, int task_io);

#endif
