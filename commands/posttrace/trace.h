/* trace - finding what belongs to a message in the log */

#ifndef COMMANDS_POSTTRACE_TRACE_H
#define COMMANDS_POSTTRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/log_line.h"

struct log_files;
struct map;

/* A line that belongs to a group. */
struct entry {
	uint64_t	 place;		/* file and offset: order of the log */
	char		*bytes;		/* the line, owned */
	struct log_line	 line;		/* points into `bytes`, and `scratch` */
	struct buf	 scratch;
	unsigned	 node;		/* see groups */
};

/*
 * What hangs together: queue ids that follow one another, and the sessions
 * that brought them.  A node is a queue id, or a session without one; nodes
 * are joined to groups.
 */
struct node {
	char		*id;		/* NULL: a session */
	unsigned	 parent;	/* itself: the group's head */
	enum node_state {
		NODE_LEFT_OUT,		/* over the limit */
		NODE_NEW,		/* to be looked for */
		NODE_NOW,		/* in this round */
		NODE_DONE,
	}		 state;
};

struct trace {
	struct node	*nodes;
	size_t		 node_count;
	struct map	*by_id;		/* node number + 1 */
	struct map	*by_session;
	struct entry	*entries;
	size_t		 entry_count;
	bool		 too_many;	/* more than limit messages */
};

/*
 * Looks for `key` (a queue id, address, IP address, message id, or a piece of
 * text), then for all that belongs to it.  At most `limit` messages; unreadable
 * files are warned about.
 */
void	trace_run(struct trace *, const struct log_files *, const char *key,
	    size_t limit);

void	trace_done(struct trace *);

/* The head of an entry's group. */
unsigned trace_group(const struct trace *, const struct entry *);

#endif
