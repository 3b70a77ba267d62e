/* message - a message in the active queue */

#ifndef QMGR_MESSAGE_H
#define QMGR_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "mail/bounce_client.h"
#include "mail/envelope.h"
#include "mail/queue_file.h"
#include "mail/queue_id.h"
#include "util/list.h"

struct frame;
struct message;

/*
 * Recipients that are in memory; messages with many have one slice after the
 * other.  A slice goes when its last recipient is settled, but the first
 * stays: it has the sender and all else that is known of the message.
 */
struct slice {
	struct list	 link;		/* on the resolver's list */
	struct message	*message;
	struct envelope	 env;
	uint32_t	 left;		/* recipients not settled */
};

struct message {
	char		 id[QUEUE_ID_MAX];
	struct slice	*first;
	struct list	 jobs;		/* struct job, see schedule.h */
	int64_t		 active_us;	/* since it is active, wall clock */
	uint64_t	 size;
	uint32_t	 rcpt_count;	/* in the file */
	uint32_t	 next_rcpt;	/* not yet read from there on */
	uint32_t	 in_memory;	/* recipients not settled */
	int64_t		 read_ms;	/* the last slice, clock_ms */
	bool		 bounced;	/* the bounce log has to be sent */
	bool		 traced;
	bool		 deferred;	/* a recipient is left for later */
	bool		 not_told;	/* a report could not be sent */
	bool		 from_file;	/* it was in the queue before: it may
					   have a defer log */
	bool		 retry_soon;	/* for a reason that is none of the
					   message's */
	bool		 asked_for;	/* defer_transports does not count */
	bool		 missing;	/* the file was removed */
	bool		 damaged;
	bool		 warned, forced_expire;	/* bits of the file's mode */
	bool		 finishing;
};

/* The file's mode says that the delay warning was sent. */
enum { QUEUE_MODE_WARNED = S_IXOTH };

size_t	message_count(void);
int	message_reports(void);		/* notices being sent */

/*
 * Takes a message from a queue into the active queue; the envelope comes from
 * the file or from `new` (a NEW frame, see mail/qmgr_client.h).  False: it
 * isn't there (any more), it was damaged, or another process is still busy
 * with it (*ret_locked, only looked at with LOAD_LOOK_FOR_LOCK).
 */
enum load_flag {
	LOAD_LOOK_FOR_LOCK = 1,
	LOAD_ASKED_FOR = 2,	/* somebody wants it to be tried now */
};

bool	message_load(const char *id, const char *queue, unsigned flags,
	    bool *ret_locked);
bool	message_new(const char *id, const struct frame *new);

const char *message_sender(const struct message *);
/* The two delimiters if each recipient gets a sender of its own, or NULL. */
const char *message_verp(const struct message *);
enum dsn_ret message_ret(const struct message *);
unsigned message_deliver_flags(const struct message *);

/* `count` recipients of a slice are settled: reads the next slice or ends the
 * message.  The slice and the message may be gone afterwards. */
void	message_settled(struct slice *, uint32_t count);

#endif
