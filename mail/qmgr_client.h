/* qmgr_client - telling qmgr */

#ifndef MAIL_QMGR_CLIENT_H
#define MAIL_QMGR_CLIENT_H

#include <stdbool.h>

#include "mail/envelope.h"
#include "mail/queue_file.h"

/*
 * Service public/qmgr.  Frames NEW (from cleanup: id, trailer facts and, up to
 * QMGR_NEW_MAX bytes, the whole envelope, so that the file need not be read
 * again) and TRIGGER (request bytes as postkick sends them).  No answers.
 * A lost NEW is found by the next scan of incoming/.
 */
enum { QMGR_NEW_MAX = 64 * 1024 };	/* bytes */

#define QMGR_SERVICE "public/qmgr"

enum qmgr_frame { QMGR_NEW = 1, QMGR_FLUSH_ID, TRIGGER_FRAME = 0x5452 };

enum qmgr_key {
	QMGR_KEY_ID = 1,	/* str */
	QMGR_KEY_TRAILER,	/* bytes: struct queue_trailer */
	QMGR_KEY_ENVELOPE,	/* bytes: attributes of envelope_write() */
	QMGR_KEY_MISSED,	/* u64 1: a NEW before this one was lost, scan */
	TRIGGER_KEY_REQUESTS = 1,	/* bytes: enum qmgr_request */
};

/* Does not wait for qmgr: false if it can't be told now.  It finds the
 * message later. */
bool	qmgr_tell_new(const char *id, const struct queue_trailer *,
	    const struct envelope *);

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
