/* inspect - header_checks, body_checks and strict_ settings on a message */

#ifndef CLEANUP_INSPECT_H
#define CLEANUP_INSPECT_H

#include <stdbool.h>

#include "mail/mime.h"

struct message;

/* Opens the tables; before the jail. */
void	inspect_init(void);

/* For the parser: enum mime_option. */
unsigned inspect_options(const struct message *);

/* Must every record of the body be handed over? */
bool	inspect_wants_body(const struct message *);

/*
 * The tables' actions on a field or a record of the body: what they ask for
 * is done.  False: it is to be left out.  `text` of a field may have become
 * another field; name_len and fact are right then.
 */
bool	inspect_field(struct message *, struct mime_field *);
bool	inspect_body(struct message *, struct str record, size_t offset,
	    bool ends_line);

/*
 * The same with milter_header_checks, for a field that a milter adds or
 * changes: `text` without line end, its lines separated by '\n'.
 */
bool	inspect_milter_field(struct message *, struct buf *text);

/* Refuses the message for `text`, which is a "header", "body" or "content";
 * `reason` begins with a status code. */
void	inspect_refuse(struct message *, const char *what, struct str text,
	    const char *reason);

/* An error of the structure: refused at the end, if settings say so. */
void	inspect_error(struct message *, enum mime_error, struct str where);

/* After the content: refuses the message for such errors. */
void	inspect_end(struct message *);

#endif
