/* edit - what a milter changes in a message */

#ifndef CLEANUP_EDIT_H
#define CLEANUP_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/queue_file.h"
#include "milter/session.h"
#include "util/mem.h"

struct message;

/*
 * A milter's changes, collected until it has given its last answer and then
 * carried out, or forgotten.  A new body waits in a file of its own.
 */
struct edit {
	struct pool		 pool;
	struct milter_answer	*list;		/* strings in `pool` */
	size_t			 count, size;
	bool			 has_body;
	uint64_t		 body_limit;	/* bytes, 0: none */
	struct queue_writer	 body;
	int			 error;		/* errno: body can't be kept */
};

void	edit_add(struct edit *, const struct milter_answer *);
void	edit_drop(struct edit *);

/* Carries all out.  `ret_hold` is the reason of a quarantine, or NULL. */
void	edit_apply(struct edit *, struct message *, const char **ret_hold);

/* Before the first: finds our own Received: field, which milters are not
 * shown. */
void	edit_hide_received(struct message *);

/*
 * Field `i` of the header as milters see it.  False: there is none.  Offsets
 * in m->header of the field, its value (behind the colon), and its end with
 * CRLF.
 */
struct edit_field {
	size_t	begin, name_len, value, end;
};

bool	edit_find_field(const struct message *, size_t i, struct edit_field *);

#endif
