/* dump - a message as it was received, written to a file */

#ifndef COMMANDS_SMTP_SINK_DUMP_H
#define COMMANDS_SMTP_SINK_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

/*
 * One transaction.  Its text is gathered in memory up to a bound, then in its
 * file: with -d one of its own, which has its name from the start; with -D a
 * nameless one, so that messages that come at the same time don't mix, whose
 * content is appended to the shared file at the end.  A transaction that ends
 * otherwise leaves nothing.
 *
 * A file that can't be written ends the process with a message: a capture with
 * holes is worse than none.
 */
struct dump {
	bool		 is_open;
	struct buf	 text;		/* not in the file yet */
	struct buf	 path;		/* of the file */
	const char	*shared;	/* -D: the template, or NULL */
	int		 fd;		/* or -1 */
	uint32_t	 id;
	bool		 at_line_start;	/* after CRLF, in the content */
	bool		 after_cr;
};

#define DUMP_INIT { .text = BUF_INIT, .path = BUF_INIT, .fd = -1 }

void	dump_open(struct dump *, const char *template, bool is_shared);

/* A line of our own, or a part of it. */
void	dump_printf(struct dump *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* A piece of the content as it comes from the client, the final dot with its
 * CRLF included: CRs and dots that were added for transport are left out. */
void	dump_content(struct dump *, const char *, size_t);

void	dump_close(struct dump *);	/* the message is complete */
void	dump_cancel(struct dump *);	/* it never will be; or was not open */
void	dump_done(struct dump *);

#endif
