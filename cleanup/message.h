/* message - one message on its way into the queue */

#ifndef CLEANUP_MESSAGE_H
#define CLEANUP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/cleanup_client.h"
#include "mail/envelope.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/queue_file.h"
#include "util/buf.h"
#include "util/map.h"
#include "util/mem.h"

/* Recipients found in the header, for sendmail -t. */
struct found {
	const char	**address;	/* internal, as written */
	size_t		  count, size;
};

/*
 * The header is kept in memory up to the end of the message, the body is
 * written while it comes.  The first trouble decides `status`; from then on
 * content is thrown away.
 */
struct message {
	unsigned		 flags;		/* enum cleanup_flag */
	struct pool		 pool;		/* for as long as the message */
	struct envelope		 env;
	struct queue_writer	 file;
	bool			 has_file;
	uint64_t		 envelope_size;	/* for message_size_limit */
	enum cleanup_status	 status;
	struct buf		 why;

	/* structure */
	struct mime		*mime;
	unsigned		 mime_errors;	/* for which it is refused */
	struct buf		 line;		/* as far as it has come */
	bool			 opaque;	/* all that comes is plain body */
	bool			 has_utf8;	/* addresses or a header */
	bool			 full;		/* message_size_limit */
	const char		*log_rcpt;	/* the last that the client
						   named, standard form; NULL */
	struct buf		 last_rcpt;	/* its memory */

	/* header */
	bool			 in_header;	/* the message's own */
	struct buf		 header;	/* finished fields */
	uint64_t		 seen;		/* 1 << enum header_id */
	bool			 resent;	/* there is a Resent- field */
	int			 hops;
	const char		*given_sender;	/* before rewriting */
	struct found		 found, found_resent;

	/* body: the line that is open */
	uint64_t		 line_len;	/* bytes of it so far */
	bool			 pending_cr;	/* a CR came last */
	struct queue_trailer	 facts;

	/* duplicates */
	struct map		*known;

	/* aliases whose success is to be told */
	struct expanded		*expanded;

	/* milters, see cleanup/milter.h */
	struct message_milters	*milters;	/* NULL: none in force */
	size_t			 own_received;	/* offset in header; see
						   edit_hide_received() */
	bool			 dups_allowed;	/* recipients twice */
	bool			 probe_answered;	/* here: nobody gets it */
};

/* A new message and its file; status tells if that went well. */
void	message_begin(struct message *, unsigned flags);

/* The facts of the envelope are in m->env. */
void	message_envelope(struct message *);

/* A recipient from the client or the header: mapped and added. */
void	message_rcpt(struct message *, const struct recipient *);

/* RFC 3461 6.2.7.4: tells senders who wanted to know of success that their
 * recipient was an alias; when the message is sure to stay. */
void	recipients_tell_expanded(struct message *);

/* After the last of them: copies by always_bcc and sender_bcc_maps. */
void	recipients_end(struct message *);

void	message_content(struct message *, const char *, size_t);

/* Commits or bounces; `status` is the result. */
void	message_end(struct message *);

/* Frees everything, leaves no file if it was not committed. */
void	message_done(struct message *);

/* The first failure counts.  `why` may be NULL. */
void	message_fail(struct message *, enum cleanup_status, const char *why);

/*
 * True while content is of use: nothing has failed, or it failed for what the
 * content is and goes back to its sender.
 */
bool	message_goes_on(const struct message *);

/* A recipient that a milter adds: not mapped but by virtual aliases, and
 * even if it is there already. */
void	message_add_rcpt(struct message *, const struct recipient *);

/* Is what the client gave ASCII?  If not, a message with SMTPUTF8, or one
 * where the need for it is found out, is for servers with SMTPUTF8 only. */
void	message_note_utf8(struct message *, const char *, size_t);

/* A copy that nobody is told of: BCC of a table.  `external` is its text. */
void	message_copy(struct message *, const char *external);

/* --- parts: records.c, header.c, fields.c, missing.c, body.c, reject.c */

void	records_bytes(struct message *, const char *, size_t);
void	records_end(struct message *);

void	header_begin(struct message *);
void	header_record(struct message *, struct str, bool ends_line);

/* A whole field of the message's own header: take it. */
void	fields_apply(struct message *, struct mime_field *);
void	fields_init(void);

/* To header_size_limit; line breaks count or not. */
void	fields_cut(struct buf *text, bool count_lf);

void	missing_add(struct message *);

/* Content as it comes; a record; and lines that are whole. */
void	body_bytes(struct message *, const char *, size_t);
void	body_record(struct message *, struct str, bool ends_line);
void	body_lines(struct message *, const char *, size_t);

/* The whole lines in front that can't be boundaries.  The number of bytes. */
size_t	body_plain_lines(struct message *, const char *, size_t);

void	body_end(struct message *);	/* the last line gets its end */

/* The facts of finished header lines are added to `facts`. */
void	body_count_header(const struct buf *header, struct queue_trailer *facts,
	    long line_limit);

/* The message goes back to its sender.  False: try later. */
bool	reject_bounce(struct message *);

#endif
