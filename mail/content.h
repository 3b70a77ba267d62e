/* content - the lines of DATA: newlines, dots, and where they end */

#ifndef MAIL_CONTENT_H
#define MAIL_CONTENT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes what the client sends after 354, in pieces of any size, and hands on
 * the message with every line ended by CRLF and dots un-stuffed
 * (RFC 5321 4.5.2).  Long runs are handed on as they are, without a copy.
 *
 *	START --'.'--> DOT --CR--> DOT_CR --LF--> the end
 *	  |             |            |
 *	  +-- else ---> LINE <-------+  (also from DOT)
 *	                LINE --CR at the end of a piece--> CR
 *
 * A bare LF ends a line too.  When `strict`, only CRLF "." CRLF is the end;
 * a lone dot next to a bare LF is what smuggling is made of
 * (CVE-2023-51764): that line is dropped.  Otherwise any number of CRs before
 * LF belong to the line's end.
 *
 * The same with dots = false is the text of BDAT chunks, where nothing is
 * stuffed and the end is counted.
 */
enum content_state {
	CONTENT_START, CONTENT_LINE, CONTENT_CR, CONTENT_DOT, CONTENT_DOT_CR,
};

typedef void content_fn(void *arg, const void *bytes, size_t len);

struct content {
	enum content_state state;
	bool		 strict;
	bool		 dots;
	bool		 after_crlf;	/* the line before ended in CRLF */
	bool		 got_bare_lf;
	size_t		 held_cr;	/* CRs not yet handed on */
	content_fn	*put;
	void		*arg;
};

void	content_init(struct content *, bool dots, bool strict, content_fn *,
	    void *arg);

/* Bytes consumed; *ret_end: the end was among them. */
size_t	content_feed(struct content *, const char *, size_t, bool *ret_end);

/* For BDAT LAST: hands on what is held back and ends an unfinished line. */
void	content_finish(struct content *);

#endif
