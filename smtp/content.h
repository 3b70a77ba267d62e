/* content - a message's header and body onto the wire */

#ifndef SMTP_CONTENT_H
#define SMTP_CONTENT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct queue_file;
struct session;

enum content {
	CONTENT_SENT,		/* into the stream, whose errors stay in it */
	CONTENT_NO_FILE,	/* the queue file can't be read */
	CONTENT_NO_TABLE,	/* nor a table of smtp_header_checks; the log
				   says so */
};

/* How it is to be sent. */
struct content_form {
	const struct buf *front;	/* fields before the header, or NULL */
	const struct buf *header;	/* in place of the file's, or NULL */
	bool		  to_7bit;	/* see smtp/filter.h, and for checks */
	int		  pause;	/* seconds before the dot */
	const char	 *after;	/* the dot's line, in the same segment */
};

/*
 * Writes header, body and the final dot's line; the next read sends what is
 * still buffered.  Dots are stuffed and lines over smtp_line_length_limit
 * broken where the file's flags call for it.  When it is not sent the stream
 * is failed, so that no half message is taken for a whole one.
 */
enum content content_send(struct session *, const struct queue_file *,
	    const struct content_form *);

/*
 * The careful copy, for its test: `at_line` is the state between calls, and
 * starts with 0 for "at the start of a line".  Adds to `out`.  True: a line
 * was broken.
 */
bool	content_stuff(struct buf *out, const char *text, size_t len,
	    size_t limit, size_t *at_line);

#endif
