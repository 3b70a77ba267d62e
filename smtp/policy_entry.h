/* policy_entry - what smtp_tls_policy_maps says of a next hop */

#ifndef SMTP_POLICY_ENTRY_H
#define SMTP_POLICY_ENTRY_H

#include <stdbool.h>

#include "net/tls.h"

struct pool;

/* NULL, or unset: main.cf's holds.  What may be given several times is
 * joined. */
struct policy_entry {
	enum tls_level	 level;
	const char	*match;			/* by '|' */
	const char	*protocols, *ciphers, *exclude;
	const char	*servername;
	const char	*anchor_files;		/* by blanks */
	const char	*connection_reuse, *enable_rpk;	/* "yes" or "no" */
	/* of an MTA-STS plug-in; patterns and policy are lines */
	const char	*policy_type, *policy_domain, *policy_failure;
	const char	*patterns, *policy_lines;
	const char	*policy_ttl;		/* the plug-in's business */
};

/*
 * Takes a "level name=value ..." apart.  `table` and `key` are where it was
 * found, for the warning about a mistake: then false.
 */
bool	policy_entry_parse(struct pool *, const char *table, const char *key,
	    const char *text, struct policy_entry *ret);

#endif
