/* qmgr_client - telling qmgr */

#ifndef MAIL_QMGR_CLIENT_H
#define MAIL_QMGR_CLIENT_H

#include <stdbool.h>

#include "mail/envelope.h"
#include "mail/queue_file.h"

/*
 * Service public/qmgr.  Frames NEW (from cleanup: id, trailer facts and, up to
 * QMGR_NEW_MAX bytes, the whole envelope, so that the file need not be read
 * again), FLUSH_ID and TRIGGER (request bytes as postkick sends them) have no
 * answers; a lost NEW is found by the next scan of incoming/.  While the
 * active queue is full every NEW is answered with a byte: mail comes in faster
 * than it leaves.
 *
 * The administrator's orders (see qmgr/orders.h) are answered by ANSWER: why,
 * if it was not done, or the orders in force.  Only root and mail_owner may
 * give them: the kernel tells who asks.
 */
enum { QMGR_NEW_MAX = 64 * 1024 };	/* bytes */

#define QMGR_SERVICE "public/qmgr"

enum qmgr_frame {
	QMGR_NEW = 1, QMGR_FLUSH_ID, QMGR_SUSPEND, QMGR_REROUTE, QMGR_RESUME,
	QMGR_ORDERS, QMGR_ANSWER, TRIGGER_FRAME = 0x5452,
};

enum qmgr_key {
	QMGR_KEY_ID = 1,	/* str */
	QMGR_KEY_TRAILER,	/* bytes: struct queue_trailer */
	QMGR_KEY_ENVELOPE,	/* bytes: attributes of envelope_write() */
	QMGR_KEY_MISSED,	/* u64 1: a NEW before this one was lost, scan */
	QMGR_KEY_OBJECT,	/* str: example.com, from:x@example.com ... */
	QMGR_KEY_TARGET,	/* str: transport:nexthop */
	QMGR_KEY_REASON,	/* str */
	QMGR_KEY_WHY,		/* str: why it was not done */
	QMGR_KEY_ORDER,		/* group: kind, object, ... */
	QMGR_KEY_ORDER_KIND,	/* str: "suspend", "reroute" */
	QMGR_KEY_SINCE,		/* u64: seconds, wall clock */
	QMGR_KEY_UID,		/* u64 */
	TRIGGER_KEY_REQUESTS = 1,	/* bytes: enum qmgr_request */
};

/* Does not wait for qmgr: false if it can't be told now.  It finds the
 * message later. */
bool	qmgr_tell_new(const char *id, const struct queue_trailer *,
	    const struct envelope *);

/* Mail came in faster than it left, two seconds ago at most: wait for
 * in_flow_delay before the next. */
bool	qmgr_is_full(void);

/* Requests in TRIGGER frames. */
enum qmgr_request {
	QMGR_SCAN_INCOMING = 'I', QMGR_SCAN_DEFERRED = 'D', QMGR_SCAN_ALL = 'A',
	QMGR_FLUSH_DEAD = 'F',	/* forget dead destinations */
	QMGR_WAKEUP = 'W',
};

/* "postqueue -i ID", "-s SITE": messages to be tried now.  The map's keys are
 * ids. */
struct map;

bool	qmgr_flush_message(const char *id);
bool	qmgr_flush_messages(const struct map *ids);

#endif
