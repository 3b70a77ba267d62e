/* report - the text of a notification (RFC 3464) */

#ifndef BOUNCE_REPORT_H
#define BOUNCE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/bounce_client.h"
#include "mail/bounce_log.h"
#include "mail/bounce_template.h"
#include "mail/queue_file.h"
#include "util/buf.h"

/* What the message says of itself; made once for all its notifications. */
struct report_message {
	const struct bounce_message	*m;
	struct queue_file		 file;
	bool				 has_file;
	struct envelope			 e;	/* if has_file */
	struct buf			 header;	/* if has_file */
	char				*message_id;	/* "<...>" or NULL */
	char				*boundary;
	int64_t				 arrival_us;
};

/* Opens the queue file; without one the report has no original. */
void	report_message_init(struct report_message *,
	    const struct bounce_message *);
void	report_message_done(struct report_message *);

/* One notification about it. */
struct report {
	struct report_message		*about;
	const struct bounce_template	*t;
	const char		*recipient;	/* of the notification */
	bool			 to_postmaster;
	bool			 delayed;	/* Will-Retry-Until */
	bool			 success;	/* of the original only headers,
						   and called so */
	enum dsn_ret		 ret;
	const struct bounce_record *records;
	size_t			 count;
	unsigned		 notify;	/* only who wants this; 0 all */
};

/* Those of the records that the report is about. */
size_t	report_count(const struct report *);

/* All up to the original, lines ended by CRLF, without Received:. */
void	report_header(struct buf *, const struct report *);
void	report_text(struct buf *, const struct report *);
void	report_status(struct buf *, const struct report *);

/*
 * The original in pieces: `put` is called with each, and the end of the MIME
 * structure.  False if the queue file could not be read.
 */
bool	report_original(const struct report *, queue_put_fn *put, void *arg);

/* "8bit" or "7bit": of the notification. */
const char *report_encoding(const struct report *);

/* Adds words up to a line of 79 bytes; the following lines begin with four
 * blanks.  CRLF at the end. */
void	report_fold(struct buf *, const char *text);

#endif
