/* source - where posttop's numbers come from: log and queue */

#ifndef COMMANDS_POSTTOP_SOURCE_H
#define COMMANDS_POSTTOP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mail/log_line.h"

struct flow;
struct queue_shape;

/* The end of a log file, and what is added to it later, also after it was
 * rotated. */
struct tail {
	const char	*path;
	int		 fd;		/* -1 not open */
	ino_t		 inode;
	struct buf	 rest;		/* a line without its end */
	struct buf	 scratch;
	struct log_clock clock;
};

/* False with errno. */
bool	tail_open(struct tail *, const char *path);
void	tail_read(struct tail *, struct flow *);

/* What is in the queue. */
enum { QUEUES = 5 };

struct queue_sizes {
	size_t		 messages[QUEUES];
	uint64_t	 bytes;
	int64_t		 oldest;	/* seconds */
	const char	*trouble;	/* NULL: they are right */
};

extern const char *const queue_names[QUEUES];

/* Asks showq; domains go into `shape`. */
void	queue_read(struct queue_sizes *, struct queue_shape *shape,
	    int64_t now);

#endif
