/* answer - asking through a plug-in, and what comes back (private to table/) */

#ifndef TABLE_ANSWER_H
#define TABLE_ANSWER_H

#include "table/client.h"
#include "table/servers.h"
#include "util/buf.h"

struct cell {
	unsigned	row, column;
	size_t		at, len;	/* in bytes */
};

/* The values in order of arrival; bounded in size. */
struct answer {
	struct client_answer	out;	/* what the plug-in sees */
	struct buf		bytes;
	struct cell	       *cells;
	size_t			count, room;
	struct buf		error;
	bool			too_large;
};

void	answer_init(struct answer *);
void	answer_done(struct answer *);
struct str answer_value(const struct answer *, size_t i);

/* The plug-in's calls, in a helper thread while the task waits. */
void	*answer_open(const struct client_plugin *,
	    const struct client_setting *, const char *host, struct buf *why);
enum servers_result answer_ask(const struct client_plugin *, void *connection,
	    const struct client_question *, struct answer *, struct buf *why);
void	answer_close(const struct client_plugin *, void *connection);

#endif
