/* flush_client - the lists of mail that waits for a site */

#ifndef MAIL_FLUSH_CLIENT_H
#define MAIL_FLUSH_CLIENT_H

#include <stdbool.h>

#include "table/match.h"

/*
 * Service public/flush, for the domains of fast_flush_domains; any number of
 * requests on a connection:
 *
 *	C: ADD site id		S: STATUS	the message waits for the site
 *	C: SITE site		S: STATUS	try what waits for it
 */
enum flush_frame { FLUSH_ADD = 1, FLUSH_SITE, FLUSH_STATUS };

enum flush_key {
	FLUSH_KEY_SITE = 1,	/* str */
	FLUSH_KEY_ID,		/* str */
	FLUSH_KEY_STATUS,	/* u64: enum flush_status */
};

enum flush_status {
	FLUSH_OK,
	FLUSH_DENIED,		/* not in fast_flush_domains */
	FLUSH_BAD,		/* no sound request */
	FLUSH_FAIL,		/* try later */
};

enum { FLUSH_FRAME_MAX = 4096 };	/* bytes */

/* Opens fast_flush_domains; before a jail in which its tables are out of
 * sight.  Otherwise that happens at first use. */
void		  flush_open(void);

/* Is there a list for the site? */
enum match_result flush_is_listed(const char *site);

/* Nothing is asked of the service for a site without a list. */
enum flush_status flush_add(const char *site, const char *id);
enum flush_status flush_site(const char *site);

#endif
