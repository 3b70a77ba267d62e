/* content - a message from the queue written out for a mailbox or command */

#ifndef LOCAL_CONTENT_H
#define LOCAL_CONTENT_H

#include <stdbool.h>

#include "mail/why.h"

struct delivery;

/*
 * Lines end in LF.  Fields in front of the message, each only if not NULL:
 * "From " (mbox postmark), Return-Path:, X-Original-To:, Delivered-To:.
 */
struct content {
	const char	*sender;	/* of the postmark; NULL: the message's */
	const char	*return_path;	/* sender, internal form; NULL: none */
	const char	*original_to;
	const char	*delivered_to;
	bool		 postmark;	/* a "From sender  date" line */
	bool		 quote_from;	/* "From " in the text becomes ">From " */
	bool		 final_empty_line;
	bool		 stuff_dots;	/* "." in front of lines that begin
					   with one */
	const char	*eol;		/* NULL: "\n" */
};

/* Writes all to fd.  False with errno: nothing is known of how much went. */
bool	content_write(int fd, struct delivery *, const struct content *);

/* After an error: the reason, and whether more room will come. */
enum outcome content_not_written(struct why *, int error);

/* Is there a Delivered-To: field with this address already? */
bool	content_was_delivered_to(struct delivery *, const char *address);

/* The same with the extension left out: has the user had it? */
bool	content_was_delivered_to_user(struct delivery *, const char *user,
	    const char *domain);

/* Is `what` ("command", "file", "forward") in prepend_delivered_header? */
bool	content_wants_delivered_to(const char *what);

/* Between messages: forgets the header block. */
void	content_forget(void);

#endif
