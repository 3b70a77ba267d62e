/* tlsrpt_datagram - a session, as an external TLSRPT reporter wants it told */

#ifndef MAIL_TLSRPT_DATAGRAM_H
#define MAIL_TLSRPT_DATAGRAM_H

#include <stdbool.h>

struct buf;
struct tlsrpt_result;

/*
 * What libtlsrpt sends to tlsrpt-collectd: one JSON object in a datagram.
 *
 *	{ "dpv": "1",			version of this protocol
 *	  "d": domain, "pr": record,	who is told, and its TXT record
 *	  "policies": [ {
 *	    "policy-type": 1, 2 or 9,	tlsa, sts, no-policy-found
 *	    "policy-domain": domain,
 *	    "policy-string": [ lines ], "mx-host": [ patterns ],
 *	    "failure-details": [ {	each but "c" only if it is known
 *	      "c": code, "s": sending IP, "n": MX host, "r": receiving IP,
 *	      "f": reason } ],
 *	    "t": number of them, "f": 1 for a failure } ] }
 *
 * False: a failure that the protocol has no code for.
 */
bool	tlsrpt_write_datagram(struct buf *, const struct tlsrpt_result *,
	    const char *record);

#endif
