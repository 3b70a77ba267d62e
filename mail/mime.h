/* mime - the structure of a message, one record at a time */

#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

/*
 * The input are records: lines, or pieces of long lines, in order.  What they
 * are comes back as calls of the handler; writing all that is handed over, in
 * that order, gives the message again.
 *
 *	primary header -> body			no structure
 *	              |-> nested header -> ...	message/rfc822, message/global
 *	              `-> body with boundaries	multipart
 *			  boundary -> part header -> body | nested header ...
 *			  last boundary -> body	epilogue
 *
 * Memory is bounded: a field by header_limit and one record, boundaries by
 * their limit times nesting_limit.
 */
enum mime_header {
	MIME_PRIMARY,		/* of the message */
	MIME_PART,		/* after a boundary */
	MIME_NESTED,		/* of a message within */
};

enum mime_header_end {
	MIME_EMPTY_LINE,	/* which is not handed over: write it */
	MIME_OTHER_LINE,	/* no field, and it comes next */
	MIME_END_OF_INPUT,
};

/* In order of weight: the first that was found is the one to tell. */
enum mime_error {
	MIME_ERROR_NESTING = 1,		/* handed over as plain body */
	MIME_ERROR_8BIT_HEADER = 2,
	MIME_ERROR_8BIT_BODY = 4,	/* without a declaration of it */
	MIME_ERROR_ENCODING = 8,	/* an encoded multipart or message */
};

enum mime_option {
	MIME_NO_STRUCTURE = 1,	/* all behind the first header is body */
	MIME_TO_7BIT = 2,	/* 8bit and binary become quoted-printable */
	MIME_FIND_8BIT = 4,	/* look for the two 8-bit errors */
};

struct mime_rules {
	unsigned	options;	/* enum mime_option */
	size_t		header_limit;	/* bytes of a field; it may be longer by
					   one record */
	size_t		boundary_limit;	/* bytes */
	int		nesting_limit;	/* multiparts */
};

struct header_fact;

/*
 * A whole field without its end, up to a NUL if it has one.  Its lines are separated by '\n' (see
 * mime_add_lines()); no space stands before its colon.  The handler may change
 * `text`.
 */
struct mime_field {
	enum mime_header	  where;
	const struct header_fact *fact;		/* NULL: not a known one */
	size_t			  name_len;
	struct buf		 *text;
};

/* Any of these may be NULL. */
struct mime_handler {
	void	(*field)(void *arg, struct mime_field *);
	void	(*header_end)(void *arg, enum mime_header,
		    enum mime_header_end);
	/* A record; `offset` counts the bytes before it since the header of
	 * its part, a line end as one. */
	void	(*body)(void *arg, struct str, bool ends_line, size_t offset);
	/* Each kind once. */
	void	(*error)(void *arg, enum mime_error, struct str where);
};

struct mime;

/* The handler lives as long as the parser. */
struct mime	*mime_new(const struct mime_rules *,
		    const struct mime_handler *, void *arg);
void		 mime_free(struct mime *);

/* `ends_line`: a line end follows; otherwise the next record goes on. */
void		 mime_record(struct mime *, const char *, size_t,
		    bool ends_line);
void		 mime_end(struct mime *);

/* Is this a body, at the start of a line? */
bool		 mime_in_body(const struct mime *);

/* True: while mime_in_body(), only a line that begins with "--" can be more
 * than that.  False: nothing can. */
bool		 mime_has_boundaries(const struct mime *);

/* The field that is not yet complete; empty if there is none. */
const struct buf *mime_open_field(const struct mime *);

/* Errors so far: enum mime_error. */
unsigned	 mime_errors(const struct mime *);
const char	*mime_error_text(enum mime_error);

/* A field's text as lines that end in CRLF.  A '\n' that does not begin a
 * folded line is none of ours and stays alone. */
void		 mime_add_lines(struct buf *to, struct str text);

/* --- values of fields: mail/mime_value.c */

enum mime_type {
	MIME_TEXT,		/* or anything else without parts */
	MIME_MESSAGE,		/* message/rfc822 */
	MIME_MESSAGE_GLOBAL,	/* message/global: may be encoded */
	MIME_MESSAGE_PART,	/* message/partial, message/external-body */
	MIME_MESSAGE_OTHER,	/* message/delivery-status, for one */
	MIME_MULTIPART, MIME_DIGEST,
};

enum mime_encoding {
	MIME_7BIT,		/* or anything unknown */
	MIME_8BIT, MIME_BINARY, MIME_QUOTED, MIME_BASE64,
};

/* The value of Content-Type; `boundary` (added) stays empty without one. */
enum mime_type	 mime_parse_type(struct str value, struct buf *boundary);

/* The value of Content-Transfer-Encoding. */
enum mime_encoding mime_parse_encoding(struct str value);
const char	*mime_encoding_name(enum mime_encoding);

/* Where a line in quoted-printable stands; 0 at its start. */
struct mime_quoted {
	size_t	column;
	char	held;		/* white space: literal unless the line ends */
};

/*
 * Quoted-printable (RFC 2045 6.7): adds a record to `out`, soft line breaks
 * included.
 */
void		 mime_quote(struct buf *out, struct str record,
		    bool ends_line, struct mime_quoted *);

#endif
