/* proxy - the PROXY protocol, versions 1 and 2 (HAProxy), without I/O */

#ifndef NET_PROXY_H
#define NET_PROXY_H

#include <stddef.h>

#include "net/addr.h"

enum { PROXY_HEADER_MAX = 536 };	/* bytes, with what we skip (TLVs) */

enum proxy_result {
	PROXY_MORE,		/* the header is not complete */
	PROXY_OK,
	PROXY_NONE,		/* "LOCAL": the proxy's own connection, a check
				   of its health; addresses are those of the
				   socket */
	PROXY_BAD,
};

/*
 * Parses the header that `bytes` begin with.  OK, NONE: *ret_used bytes of it
 * are to be skipped.  BAD, MORE: *ret_why is static text (MORE: if nothing more
 * comes).
 */
enum proxy_result proxy_parse(const char *bytes, size_t len,
		    struct addr *ret_client, struct addr *ret_server,
		    size_t *ret_used, const char **ret_why);

#endif
