/* bounce_log - the files bounce/ID, defer/ID, trace/ID */

#ifndef MAIL_BOUNCE_LOG_H
#define MAIL_BOUNCE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/mem.h"

/*
 * A record a recipient, appended with one write(2): name=value lines and an
 * empty line, so that an administrator can read it.  A half record at the end
 * (crash) is ignored.  Written by bounce alone; read by bounce and showq.
 */
struct bounce_record {
	const char	*recipient, *original, *orcpt;
	unsigned	 notify, index;
	const char	*dsn, *action, *reason, *diag_type, *diag_text;
	const char	*mta_type, *mta_name, *relay;
	long		 time;		/* seconds */
	int64_t		 attempt;	/* not 0: records of other attempts in
					   the log are thrown away first */
};

/* `service`: "bounce", "defer", "trace", which are the directories' names too.
 * False with errno.  A record of "bounce" is on disk before it is true: the
 * recipient is then marked as done, and nobody else would remember. */
bool	bounce_log_append(const char *service, const char *id,
	    const struct bounce_record *);
bool	bounce_log_remove(const char *service, const char *id);

/* All records, in order, in `pool`; of several about one recipient only the
 * last.  No string is NULL.  False with errno (ENOENT: no log). */
bool	bounce_log_read(const char *service, const char *id, struct pool *,
	    struct bounce_record **ret, size_t *ret_count);

#endif
