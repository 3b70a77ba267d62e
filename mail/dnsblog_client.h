/* dnsblog_client - asking a DNS list about an address, with a line in the log */

#ifndef MAIL_DNSBLOG_CLIENT_H
#define MAIL_DNSBLOG_CLIENT_H

#include <stdbool.h>

#include "net/addr.h"

/*
 * Service private/dnsblog, for postscreen:
 *
 *	C: ASK domain address
 *	S: ANSWER [address ...] [ttl]	none: not listed; no ANSWER: not known
 */
enum dnsblog_frame { DNSBLOG_ASK = 1, DNSBLOG_ANSWER };

enum dnsblog_key {
	DNSBLOG_KEY_DOMAIN = 1,	/* str */
	DNSBLOG_KEY_ADDRESS,	/* str: asked about; answered */
	DNSBLOG_KEY_TTL,	/* u64: seconds */
	DNSBLOG_KEY_FAILED,	/* u64 1: the list could not be asked */
};

/* Waits.  The answers are added to `ret`.  False: not known. */
bool	dnsblog_ask(const char *service, const char *domain,
	    const struct addr *, struct addr_list *ret, int *ret_ttl);

#endif
