/* log_json - lines of the mail log as JSON objects */

#ifndef MAIL_LOG_JSON_H
#define MAIL_LOG_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

struct log_clock;
struct log_line;

/*
 * One object a line:
 *
 *	{"time":"2026-11-22T01:10:54+01:00","host":"mx",
 *	"program":"postfix/smtpd","pid":12,"level":"info","queue_id":"...",
 *	"message":"all behind the tag","event":"delivery","to":"...", ...}
 *
 * pid and queue_id are left out where there is none, event where the line has
 * no facts.  Facts have the names of log_line_fields(), "-" as "_".  No
 * newline is added.
 */
void	log_json_add(struct buf *, const struct log_line *);

/* Finished classic lines, each with its newline, to JSON; a line that is
 * none becomes {"time":now,"message":...}. */
void	log_json_lines(struct buf *, const char *bytes, size_t len,
	    struct log_clock *);

/* The parts of such an object that all the others come from; strings are in
 * `scratch`.  False if it is none. */
struct log_json {
	struct str	time, host, program, message;
	long		pid;
};

bool	log_json_parse(struct str line, struct buf *scratch,
	    struct log_json *ret);

#endif
