/* peer - requests to our other services over kept connections */

#ifndef MAIL_PEER_H
#define MAIL_PEER_H

#include <stdbool.h>
#include <stddef.h>

struct frame;
struct stream;

/*
 * Paths are relative to queue_directory: "private/bounce", "public/qmgr".
 * Connections that are given back stay open for some seconds, so that a
 * request costs no connect(2).
 */

/* Once, by server/: ipc_timeout in seconds, and who knows whether this
 * process is to end soon (may be NULL). */
void	peer_init(int timeout_seconds, bool (*is_ending)(void));

/* From now on connections to `path` go to `other`: the administrator gave the
 * service another name. */
void	peer_rename(const char *path, const char *other);

/* The process is to end: a service answers the request at hand and closes
 * the connection instead of waiting for the next. */
bool	peer_is_ending(void);

/* A connection with its deadline set.  NULL with errno if there is none
 * within the time-out. */
struct stream	*peer_connect(const char *path);

/* Gives it back in a clean state; to end it use stream_close(). */
void		 peer_keep(const char *path, struct stream *);

/*
 * One request, one answer of at most `max` bytes.  When the connection ends
 * without one, since a kept one had been closed or the service died, the
 * request is sent again, for two seconds at most: it must do no harm twice.
 * False with errno.
 */
bool	peer_call(const char *path, const struct frame *request,
	    struct frame *ret_reply, size_t max);

/* Closes what is kept. */
void	peer_close_all(void);

#endif
