/* dane - TLSA records of a server (RFC 6698, 7672) */

#ifndef SMTP_DANE_H
#define SMTP_DANE_H

#include <stddef.h>
#include <stdint.h>

#include "mail/why.h"
#include "net/tls.h"
#include "util/mem.h"

struct target;

enum dane {
	DANE_FOUND,
	DANE_UNUSABLE,		/* but none that has a meaning for mail */
	DANE_NONE,		/* no records, or none that are authentic */
	DANE_UNPROVEN,		/* the host's addresses are not: not asked */
	DANE_TROUBLE,		/* try later: why, after a warning */
};

/*
 * Records, and the name they were found for, in the pool.  Those that have no
 * meaning for mail are left out, after a warning.  Waits.
 */
enum dane	dane_find(struct pool *, const struct target *, uint16_t port,
		    const struct tlsa **ret, size_t *ret_count,
		    const char **ret_base, struct why *why);

#endif
