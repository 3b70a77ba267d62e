/* queue_dir - the directories of the queue; paths relative to queue_directory */

#ifndef MAIL_QUEUE_DIR_H
#define MAIL_QUEUE_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct buf;

#define QUEUE_MAILDROP	"maildrop"
#define QUEUE_INCOMING	"incoming"
#define QUEUE_ACTIVE	"active"
#define QUEUE_DEFERRED	"deferred"
#define QUEUE_HOLD	"hold"
#define QUEUE_CORRUPT	"corrupt"
#define QUEUE_SAVED	"saved"
#define QUEUE_BOUNCE	"bounce"	/* logs of bounce(8), by queue id */
#define QUEUE_DEFER	"defer"
#define QUEUE_TRACE	"trace"
#define QUEUE_FLUSH	"flush"

/* Once: hash_queue_names and hash_queue_depth.  Daemons find it done. */
void	queue_dir_init(const char *hashed_names, int depth);

/* For those who write messages, while /sys or /proc can be seen: finds out what
 * a sync of a queue file covers. */
void	queue_sync_init(void);

/* "deferred/A/A1B2..." for a hashed queue, "active/A1B2" otherwise. */
void	queue_path(struct buf *, const char *queue, const char *id);

/* rename(2) between queues; makes the hash directory when it is missing.
 * False with errno. */
bool	queue_move(const char *id, const char *from, const char *to);

/* Opens, removes: -1/false with errno. */
int	queue_open(const char *queue, const char *id, int flags);
bool	queue_remove(const char *queue, const char *id);

/* Makes the directory of a name in the queue, when queues are hashed. */
bool	queue_make_dirs(const char *queue, const char *id);

/*
 * Makes the file `fd` and then its name queue/ID durable; waits as a task.
 * Where one sync covers the journal all who wait share one (the queue is one
 * file system, or it could not rename).  Elsewhere they share the fsync(2) of
 * their directory: one runs, the rest join the next, since a name given after
 * the running one began need not be covered by it.  A directory that may be
 * written but not read (maildrop/ for postdrop) can't be opened for that: the
 * file system is synced as a whole.  False with errno.
 */
bool	queue_sync(int fd, const char *queue, const char *id);

/* Iterates over the ids in a queue with its hash directories.  Names that are
 * no queue id are skipped.  NULL at the end. */
struct queue_scan;

struct queue_scan	*queue_scan_open(const char *queue);
const char		*queue_scan_next(struct queue_scan *);
void			 queue_scan_close(struct queue_scan *);

#endif
