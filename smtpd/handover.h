/* handover - a message of sendmail -bs, given to pickup or postdrop */

#ifndef SMTPD_HANDOVER_H
#define SMTPD_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/submit.h"
#include "util/buf.h"

struct envelope;
struct handover;

/*
 * Run by a user, the server has no right to talk to cleanup: it hands mail in
 * as that user, to pickup, or while the mail system is down to postdrop.
 * Sends the envelope with its recipients.  NULL: neither can be had.
 */
struct handover	*handover_begin(const struct envelope *);
void		 handover_content(struct handover *, const void *, size_t);

/* The result, and the queue id or why not.  Frees. */
enum submit_status handover_end(struct handover *, struct buf *ret_text);
void		 handover_abort(struct handover *);

#endif
