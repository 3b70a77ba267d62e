/* queued - a message in a queue below the current folder, for tests */

#ifndef TESTS_QUEUED_H
#define TESTS_QUEUED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/envelope.h"
#include "mail/queue_file.h"
#include "util/buf.h"

/* Ends the test if it can't be written; the name lasts until the next. */
static inline const char *
queued(const char *queue, const char *header, const char *body, size_t len,
    const struct envelope *e, uint64_t size)
{
	static char	     id[QUEUE_ID_MAX];
	struct queue_writer  w;
	struct queue_trailer t = { .size = size };
	struct buf	     h = BUF_INIT;

	buf_adds(&h, header);
	if (!queue_writer_open(&w, queue, false) ||
	    (queue_writer_body(&w, body, len),
	    !queue_writer_commit(&w, &h, e, &t))) {
		printf("Bail out! no queue file\n");
		exit(1);
	}
	buf_done(&h);
	strcpy(id, w.id);
	return id;
}

#endif
