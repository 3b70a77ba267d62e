/* reply - a server's replies, taken apart line by line */

#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

enum {
	REPLY_LINE_MAX = 2048,	/* bytes looked at of a line */
	REPLY_LINES_MAX = 500,	/* more is an attack */
	REPLY_TEXT_MAX = 8192,	/* bytes kept of a whole reply */
};

/*
 * After the last line `code` has three digits (0: never a proper line) and
 * `dsn` is a status code whose class fits: the server's own, or one made of
 * the code ("5.0.0"); "5.5.0" for a code that is no answer.  `text` is all
 * lines joined by a space, with what is not printable replaced.
 */
struct reply {
	int		 code;
	char		 dsn[12];
	struct buf	 text;
	int		 lines;
	bool		 is_last;	/* the line just added ended it */
};

#define REPLY_INIT { .text = BUF_INIT }

enum reply_line {
	REPLY_MORE,		/* another line follows */
	REPLY_LAST,
	REPLY_JUNK,		/* no reply line at all; another may follow */
};

void		reply_begin(struct reply *);	/* keeps the memory */
enum reply_line	reply_add_line(struct reply *, const char *line, size_t len);
void		reply_done(struct reply *);

/* The text after code and separator in a reply line, at most to `len`. */
const char	*reply_line_text(const char *line, size_t len);

#endif
