/* queue_file - a message on disk (DESIGN 5) */

#ifndef MAIL_QUEUE_FILE_H
#define MAIL_QUEUE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mail/envelope.h"
#include "mail/queue_id.h"
#include "util/buf.h"

/*
 *	file     = body header envelope status trailer
 *	body     = the content from the empty line that ends the header on (or
 *		   without one: empty), lines ended by CRLF, no dot-stuffing
 *	header   = finished header fields, lines ended by CRLF, no empty line
 *	envelope = attributes (mail/envelope.h), framed as in util/frame.h
 *	status   = one byte a recipient, in order: enum rcpt_status.  The only
 *		   bytes that ever change.
 *	trailer  = struct queue_trailer at the very end
 *
 * The message is header followed by body.  A file without a sound trailer is
 * no message.  Invariants of writing, in this order:
 *
 *  (1) The file has no name in the queue, or one that no reader looks at,
 *      until its trailer is written.
 *  (2) Data is on disk (fsync) before success is reported.
 *  (3) Its name in the queue is on disk (directory fsync) before success is
 *      reported.
 *  (4) After a failed write or fsync the file is removed, never retried.
 */
enum content_flag {
	CONTENT_8BIT = 1,	/* a byte >= 0x80, in header or body */
	CONTENT_LEADING_DOT = 2, /* a line begins with '.': needs stuffing */
	CONTENT_NUL = 4,
	CONTENT_BARE_CR = 8, CONTENT_BARE_LF = 16,
	CONTENT_FROM_LINE = 32,	/* a line begins with "From " */
	CONTENT_NO_FINAL_EOL = 64, /* reserved: never set by cleanup */
	CONTENT_HEADER_8BIT = 128,
};

#define QUEUE_MAGIC "RohrQ01\n"

struct queue_trailer {
	char		magic[8];	/* "RohrQ01\n" */
	uint64_t	body_len, header_len, envelope_len;	/* bytes */
	uint64_t	size;		/* message size as logged: what Postfix
					   counts, see queue_size_of_line() */
	uint32_t	rcpt_count;
	uint32_t	content_flags;
	uint32_t	longest_line;	/* bytes without CRLF */
	uint32_t	reserved[12];
	uint32_t	crc;		/* CRC-32C of envelope and of the trailer
					   before this field */
};

/*
 * What Postfix's size= counts for one line of `len` bytes (without its end):
 * records of a type byte, a length of 7 bits a byte, and the data.
 */
uint64_t queue_size_of_line(uint64_t len, uint64_t line_length_limit);

/* What belongs into `crc`; `envelope` has t->envelope_len bytes. */
uint32_t queue_trailer_crc(const struct queue_trailer *t, const void *envelope);

/* --- writing (cleanup, postdrop): mail/queue_write.c */

struct queue_writer {
	int		 fd;
	char		 id[QUEUE_ID_MAX];
	int64_t		 created_us;
	const char	*queue;		/* where it will appear */
	char		*temp;		/* name while unfinished, or NULL */
	uint64_t	 body_len;
	struct buf	 pending;	/* body not yet written */
	int		 error;		/* errno of the first failure */
};

/* False with errno. */
bool	queue_writer_open(struct queue_writer *, const char *queue, bool long_ids);
void	queue_writer_body(struct queue_writer *, const void *, size_t len);

/* Up to `len` bytes of the body so far, from `offset`: how many, 0 at its end,
 * -1 with errno. */
ssize_t	queue_writer_read(const struct queue_writer *, uint64_t offset, void *,
	    size_t len);

/* Throws the body away: another one is to be written. */
void	queue_writer_restart(struct queue_writer *);

/*
 * Writes header, envelope, status, trailer, gives the file its name (in
 * w->queue, which may have been changed since the opening), and makes both
 * durable (2) (3); waits as a task.  `facts` has size, content_flags and
 * longest_line; the rest of it is filled in.  False with errno: the file is
 * gone.
 */
bool	queue_writer_commit(struct queue_writer *, const struct buf *header,
	    const struct envelope *, struct queue_trailer *facts);
void	queue_writer_abort(struct queue_writer *);

/* --- reading */

struct queue_file {
	int			 fd;
	struct queue_trailer	 t;
	off_t			 file_len;
};

enum queue_open_result {
	QUEUE_FILE_OK, QUEUE_FILE_MISSING, QUEUE_FILE_DAMAGED,
	QUEUE_FILE_ERROR,	/* errno: try later */
};

/* Opens and checks the trailer (not the whole CRC: envelope reading does). */
enum queue_open_result queue_file_open(struct queue_file *, const char *queue,
	    const char *id, bool writable);
enum queue_open_result queue_file_open_fd(struct queue_file *, int fd);
void	queue_file_close(struct queue_file *);

/* Everything, recipients with their status; checks the CRC.  False: damaged. */
bool	queue_file_read_envelope(const struct queue_file *, struct envelope *);

/* Only recipients first .. first+count-1 that are RCPT_TODO are added;
 * *ret_next is where to go on, rcpt_count when all were read.  For messages
 * with more recipients than fit in memory.  The CRC is checked when first
 * is 0. */
bool	queue_file_read_some(const struct queue_file *, struct envelope *,
	    uint32_t first, uint32_t count, uint32_t *ret_next);

/* Marks one recipient done: a pwrite, no sync. */
bool	queue_file_mark(const struct queue_file *, uint32_t rcpt_index,
	    enum rcpt_status);

/* Header block into a buffer; false with errno. */
bool	queue_file_read_header(const struct queue_file *, struct buf *);

/*
 * Gives `len` bytes of the file from offset `at` to `put`, in pieces.  False
 * with errno after an error, when a part may have been given; EIO: the file is
 * too short.
 */
typedef void queue_put_fn(void *arg, const char *bytes, size_t len);

bool	queue_file_copy(const struct queue_file *, off_t at, uint64_t len,
	    queue_put_fn *put, void *arg);

/* Offsets in the file, for header_len and body_len bytes of the trailer. */
off_t	queue_file_header_at(const struct queue_file *);
off_t	queue_file_body_at(const struct queue_file *);	/* 0 */

#endif
