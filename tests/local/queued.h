/* queued - a message on its way to a mailbox, for tests */

#ifndef TESTS_LOCAL_QUEUED_H
#define TESTS_LOCAL_QUEUED_H

#include "local/content.h"
#include "mail/deliver.h"
#include "tests/queued.h"

/* In incoming/, below the current folder; queued_done() closes it. */
static inline void
queued_delivery(struct delivery *d, const char *header, const struct buf *body)
{
	struct envelope e;

	*d = (struct delivery){ .sender = "a@example.com", .id = "A1" };
	envelope_init(&e);
	envelope_add_rcpt(&e, "b@example.com", "", "", 0);
	if (queue_file_open(&d->file, "incoming", queued("incoming", header,
	    body->data, body->len, &e, 1), false) != QUEUE_FILE_OK)
		exit(1);
	envelope_done(&e);
	content_forget();
}

static inline void
queued_done(struct delivery *d)
{
	queue_file_close(&d->file);
}

#endif
