/* notify - who is told of what became of a message */

#ifndef BOUNCE_NOTIFY_H
#define BOUNCE_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/bounce_client.h"
#include "mail/bounce_log.h"
#include "mail/bounce_template.h"

enum notify_kind { NOTIFY_OF_FAILURE, NOTIFY_OF_DELAY, NOTIFY_OF_TRACE };

/* Once: the templates, and what the parameters say. */
void	notify_init(void);

/*
 * Sends what the sender and the postmaster shall get about these records.
 * False if a notification to the sender could not be made: try later.
 */
bool	notify(enum notify_kind, const struct bounce_message *,
	    const struct bounce_record *, size_t count);

#endif
