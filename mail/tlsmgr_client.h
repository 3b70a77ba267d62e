/* tlsmgr_client - what all processes share for TLS: ticket keys, sessions */

#ifndef MAIL_TLSMGR_CLIENT_H
#define MAIL_TLSMGR_CLIENT_H

#include <stdbool.h>

#include "net/tls.h"

/*
 * Protocol "tlsmgr" on private/tlsmgr (frames), a request and an answer:
 *
 *	C: TICKET [name]		S: TICKET_KEY name key mac expires
 *					   (none: there is no such key)
 *	C: FIND cache key		S: FOUND [value]
 *	C: SAVE cache key value		S: DONE
 *	C: FORGET cache key		S: DONE
 *
 * Caches are smtpd, smtp and lmtp: their *_tls_session_cache_database.  Without
 * a name TICKET asks for the newest key.
 */
enum tlsmgr_frame {
	TLSMGR_TICKET = 1, TLSMGR_FIND, TLSMGR_SAVE, TLSMGR_FORGET,
	TLSMGR_TICKET_KEY, TLSMGR_FOUND, TLSMGR_DONE,
};

enum tlsmgr_key {
	TLSMGR_KEY_CACHE = 1, TLSMGR_KEY_KEY, TLSMGR_KEY_VALUE,
	TLSMGR_KEY_NAME, TLSMGR_KEY_CIPHER, TLSMGR_KEY_MAC, TLSMGR_KEY_EXPIRES,
};

enum { TLSMGR_FRAME_MAX = 64 * 1024 };	/* bytes */

/* For struct tls_tickets.  When tlsmgr can't be asked the process has a key of
 * its own: its tickets are good in this process only. */
bool	tlsmgr_ticket_key(const unsigned char *name, struct tls_ticket_key *);

/* For struct tls_settings: the store of one cache, the same for all of the
 * process.  Trouble is logged once a minute and means: no session kept. */
struct tls_store tlsmgr_store(const char *cache);

#endif
