/* mtasts - what a domain says of TLS at its MX hosts: MTA-STS (RFC 8461) */

#ifndef MAIL_MTASTS_H
#define MAIL_MTASTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/mem.h"

struct buf;

enum {
	MTASTS_ID_MAX = 32,		/* bytes */
	MTASTS_FILE_MAX = 64 * 1024,	/* bytes of a policy file */
	MTASTS_MX_MAX = 1000,		/* patterns of a policy */
	MTASTS_AGE_MAX = 31557600,	/* seconds: RFC 8461 3.2 */
};

enum mtasts_mode { MTASTS_NONE, MTASTS_TESTING, MTASTS_ENFORCE };

const char	*mtasts_mode_name(enum mtasts_mode);

struct mtasts_policy {
	enum mtasts_mode   mode;
	long		   max_age;	/* seconds */
	const char *const *mx;		/* patterns: "mx.example.com",
					   "*.example.com"; ends with NULL */
	size_t		   mx_count;
};

/* A policy file; strings in the pool.  False with why, static text. */
bool	mtasts_parse(struct pool *, const char *bytes, size_t len,
	    struct mtasts_policy *ret, const char **ret_why);

/* The policy as a file again, one line each with '\n'; for the cache and for
 * reports.  mtasts_parse() reads it. */
void	mtasts_write(struct buf *, const struct mtasts_policy *);

/*
 * The text of a TXT record of _mta-sts.DOMAIN.  `ret_id` is set with
 * MTASTS_RECORD_OK.  There must be exactly one record that is not
 * MTASTS_RECORD_OTHER, or there is no policy.
 */
enum mtasts_record { MTASTS_RECORD_OK, MTASTS_RECORD_OTHER,
	MTASTS_RECORD_BAD };

enum mtasts_record mtasts_parse_record(const char *text, size_t len,
	    char ret_id[MTASTS_ID_MAX + 1]);

/* Is this host one that the patterns (ending with NULL) speak of? */
bool	mtasts_fits(const char *const *patterns, const char *host);

#endif
