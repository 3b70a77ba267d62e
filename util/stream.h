/* stream - buffered, bidirectional byte stream with deadline and sticky error */

#ifndef UTIL_STREAM_H
#define UTIL_STREAM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

/*
 * A stream owns a non-blocking descriptor.  It waits as a task (util/task.h),
 * or with poll(2) outside of tasks.  The first error stays: later calls do
 * nothing and return the "none" value.  Buffers come from a pool of the
 * process and go back while a stream is empty, so an idle stream costs only
 * its struct.  Reading flushes what was written first.
 *
 * The deadline bounds every wait until it is set again.
 */
struct stream;

enum { STREAM_BUFFER = 8 * 1024 };	/* bytes, in and out each */

/* Takes fd over (sets O_NONBLOCK).  Default deadline: never. */
struct stream	*stream_open(int fd);

/* The same for a non-blocking socket of a family that is known, AF_UNIX or
 * not: two system calls less. */
struct stream	*stream_open_socket(int fd, int family);

/* Flushes unless failed, closes, frees.  False if the stream had failed or
 * the flush did.  NULL is fine. */
bool		 stream_close(struct stream *);

/* Closes at once without writing what is buffered. */
void		 stream_abort(struct stream *);

/* Gives the descriptor back (forgotten by the loop, still non-blocking if it
 * is a socket) and frees the stream; what is buffered is lost.  For one that
 * is handed to another process. */
int		 stream_detach(struct stream *);

int		 stream_fd(const struct stream *);

void		 stream_set_deadline(struct stream *, int seconds_from_now);
void		 stream_set_deadline_at(struct stream *, int64_t clock_ms);

/* NULL while the stream is sound, otherwise why: "end of file",
 * "timed out", or a system error's text. */
const char	*stream_failed(const struct stream *);
bool		 stream_timed_out(const struct stream *);
bool		 stream_at_eof(const struct stream *);

/* Ends the stream with an error of the caller's (static text). */
void		 stream_fail(struct stream *, const char *why);

/* --- reading */

enum line { LINE_OK, LINE_TOO_LONG, LINE_NONE };

/*
 * A line without its LF or CRLF, at most `max` bytes.  LINE_TOO_LONG: `line`
 * holds the first max bytes, and the rest is left unread: call again for it.
 * LINE_NONE: end or error; `line` then holds what came before the end.
 */
enum line	 stream_get_line(struct stream *, struct buf *line, size_t max);

/*
 * What has come, without copying: waits until at least one byte is there and
 * returns a pointer to *ret_len bytes, valid until the next call on the
 * stream; NULL at the end or an error.  stream_skip() consumes.
 */
const char	*stream_peek(struct stream *, size_t *ret_len);
void		 stream_skip(struct stream *, size_t n);

/* As stream_peek(), waits until there are more than `have` bytes; `have` must
 * be less than STREAM_BUFFER. */
const char	*stream_peek_more(struct stream *, size_t have,
		     size_t *ret_len);

/* Bytes already received and not consumed, without waiting or reading. */
size_t		 stream_buffered(const struct stream *);

/* As stream_buffered(), but one non-blocking read is tried when it is empty:
 * finds a client that talks out of turn. */
size_t		 stream_pending(struct stream *);

/* Waits for input until then (clock_ms), which is no error of the stream if
 * none comes.  As stream_pending() otherwise.  To wait for the descriptor
 * behind the stream's back loses what epoll tells only once. */
size_t		 stream_await(struct stream *, int64_t until);

/* Exactly len bytes; false if the stream ends first. */
bool		 stream_read(struct stream *, void *, size_t len);

/* --- writing */

void		 stream_write(struct stream *, const void *, size_t len);
void		 stream_puts(struct stream *, const char *);
void		 stream_printf(struct stream *, const char *fmt, ...)
		     __attribute__((format(printf, 2, 3)));

/* Sends `len` bytes of a file from `offset`, by sendfile(2) where nothing
 * stands in between.  A short file is an error of the stream.  SIGPIPE must
 * be ignored. */
void		 stream_send_file(struct stream *, int fd, off_t offset,
		     size_t len);

bool		 stream_flush(struct stream *);

/* Last words, also on a stream that has failed: tried once, without waiting,
 * and nobody learns whether they were sent. */
void		 stream_last_words(struct stream *, const char *);

/* Bytes read and written in all. */
uint64_t	 stream_bytes_in(const struct stream *);
uint64_t	 stream_bytes_out(const struct stream *);

/*
 * Another transport below (TLS): `ops` replaces the system calls.  read and
 * write return bytes, 0 at end of file (read), or -1 with errno; EAGAIN with
 * *wait set to TASK_READ or TASK_WRITE.  close frees `arg`; it does not close
 * the descriptor.
 */
struct stream_ops {
	ssize_t	(*read)(void *arg, int fd, void *, size_t, int *wait);
	ssize_t	(*write)(void *arg, int fd, const void *, size_t, int *wait);
	void	(*close)(void *arg, int fd);
};

/* Buffered input must be empty (RFC 3207 4.2: no command injection). */
void		 stream_set_ops(struct stream *, const struct stream_ops *,
		     void *arg);

/* The `arg` of a stream that has these ops, or NULL. */
void		*stream_ops_arg(const struct stream *,
		     const struct stream_ops *);

/* A descriptor passed along (SCM_RIGHTS) with the next written byte: it stays
 * the caller's and must be open until the flush.  The other end takes it, and
 * owns it; -1 if none came with what was read so far.  Several are taken in
 * their order; more than four that nobody has taken are closed.  Unix sockets
 * only. */
void		 stream_send_fd(struct stream *, int fd);
int		 stream_take_fd(struct stream *);

#endif
