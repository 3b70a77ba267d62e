/* anvil_client - counting what clients do, across processes */

#ifndef MAIL_ANVIL_CLIENT_H
#define MAIL_ANVIL_CLIENT_H

#include <stdbool.h>

/*
 * Protocol "anvil" on private/anvil (frames).  A client of a service is an
 * ident "smtp:192.0.2.1", who has logged in is "account:alice@example.com".
 * Every request names an event and is answered with the counts after it:
 *
 *	C: EVENT ident event		S: COUNTS rate connections
 *
 * For administrators (postlimit):
 *
 *	C: LIST				S: ENTRY ident connections rate* ... END
 *	C: RESET ident			S: END count
 *
 * ENTRY has the rates in the order of enum anvil_event.  RESET sets what was
 * counted for an ident, or for all with "", to nothing; connections that are
 * open stay counted.  END tells how many idents it was.
 *
 * `connections` are those between CONNECT and DISCONNECT, `rate` the events
 * of that kind within anvil_rate_time_unit.  Connections that a process has
 * counted are given back when its stream ends, so one stream serves a process.
 */
enum anvil_frame {
	ANVIL_EVENT = 1, ANVIL_COUNTS, ANVIL_LIST, ANVIL_ENTRY, ANVIL_RESET,
	ANVIL_END,
};
enum anvil_key {
	ANVIL_KEY_IDENT = 1, ANVIL_KEY_EVENT, ANVIL_KEY_RATE,
	ANVIL_KEY_CONNECTIONS, ANVIL_KEY_COUNT,
	ANVIL_KEY_LOOK,		/* of EVENT: tell, and count nothing */
};

#define ANVIL_SERVICE "private/anvil"

enum anvil_event {
	ANVIL_CONNECT, ANVIL_MAIL, ANVIL_RCPT, ANVIL_NEWTLS, ANVIL_AUTH,
	ANVIL_DISCONNECT,	/* the last: has no rate */
	ANVIL_EVENTS
};

struct anvil_counts {
	unsigned	rate, connections;
};

enum { ANVIL_FRAME_MAX = 1024 };	/* bytes */

/* Waits as a task, one request after the other.  False: anvil can't be
 * asked, which is logged at most once a minute. */
bool	anvil_event(const char *ident, enum anvil_event, struct anvil_counts *);

/* The same without counting. */
bool	anvil_look(const char *ident, enum anvil_event, struct anvil_counts *);

#endif
