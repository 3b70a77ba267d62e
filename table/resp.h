/* resp - the protocol of Redis, RESP2 (private to table/) */

#ifndef TABLE_RESP_H
#define TABLE_RESP_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

struct stream;

enum resp_kind {
	RESP_NONE,	/* the stream failed, or it is no RESP: the end of it */
	RESP_STATUS, RESP_ERROR, RESP_NUMBER, RESP_TEXT, RESP_NIL,
	RESP_ARRAY,	/* *ret_number replies follow */
};

/* Writes a command; flushed by the next read. */
void	resp_send(struct stream *, const struct str *words, size_t count);

/* One reply: its text, or its number. */
enum resp_kind resp_read(struct stream *, struct buf *ret_text,
	    long *ret_number);

#endif
