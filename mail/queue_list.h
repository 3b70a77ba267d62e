/* queue_list - what is in the queue, message by message */

#ifndef MAIL_QUEUE_LIST_H
#define MAIL_QUEUE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct frame;

/* A recipient that is still to be delivered. */
struct queue_list_rcpt {
	const char	*address;	/* internal form */
	const char	*original;	/* "" unknown, or deferred and the same */
	const char	*reason;	/* of the last deferral, "" none */
};

struct queue_list_entry {
	const char	*queue, *id;
	const char	*sender;	/* internal form, "" null */
	int64_t		 arrival;	/* seconds since 1970 */
	uint64_t	 size;
	bool		 forced_expire;
	struct queue_list_rcpt *rcpt;
	size_t		 rcpt_count;
};

typedef bool queue_list_fn(void *arg, const struct queue_list_entry *);

/*
 * Calls `report` for each message in the queues, in the order in which the
 * directories give their names, until it returns false.  Messages that
 * vanish or can't be read in the meantime are left out.  Relative to the
 * current directory.
 */
void	queue_list(queue_list_fn *report, void *arg);

/* The same of one queue; false if `report` was. */
bool	queue_list_one(const char *queue, queue_list_fn *report, void *arg);

/*
 * Protocol of public/showq:
 *
 *	C: LIST		S: ENTRY, one a message, then END
 */
enum showq_frame { SHOWQ_ENTRY = 1, SHOWQ_END = 2, SHOWQ_LIST = 3 };

enum { SHOWQ_FRAME_MAX = 8 * 1024 * 1024 };	/* bytes */

void	queue_list_write(struct frame *, const struct queue_list_entry *);

/* Strings stay in the frame, the recipients are in `pool`.  False on bad
 * input. */
struct pool;

bool	queue_list_read(const struct frame *, struct pool *,
	    struct queue_list_entry *ret);

/*
 * postsuper -e marks a message by this bit of its file's mode; qmgr expires
 * it at its next look.
 */
enum { QUEUE_MODE_EXPIRED = S_IXGRP };

#endif
