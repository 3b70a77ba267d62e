/* tlsrpt - reports on TLS: who wants them, and their content (RFC 8460) */

#ifndef MAIL_TLSRPT_H
#define MAIL_TLSRPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/tlsrpt_client.h"
#include "util/mem.h"

struct buf;

/* --- the TXT record of _smtp._tls.DOMAIN */

enum {
	TLSRPT_RUA_MAX = 10,		/* receivers of a record; more are left
					   out */
	TLSRPT_TEXT_MAX = 16 * 1024,	/* bytes of a policy kept */
};

struct tlsrpt_record {
	/* "https://...", or a mail address without "mailto:"; in the pool */
	const char	*mail[TLSRPT_RUA_MAX], *https[TLSRPT_RUA_MAX];
	size_t		 mail_count, https_count;
};

/* False: it is none, or nobody in it can be reached. */
bool	tlsrpt_parse_record(struct pool *, const char *text, size_t len,
	    struct tlsrpt_record *ret);

/* --- sessions of a domain, counted */

struct tlsrpt_tally;

struct tlsrpt_tally *tlsrpt_tally_new(void);
void	tlsrpt_tally_free(struct tlsrpt_tally *);

/* Counts `n` sessions.  What is not sound is left out (result->domain is not
 * looked at); of very many different failures only the number is kept. */
void	tlsrpt_count(struct tlsrpt_tally *, const struct tlsrpt_result *,
	    uint64_t n);
bool	tlsrpt_tally_is_empty(const struct tlsrpt_tally *);
uint64_t tlsrpt_tally_total(const struct tlsrpt_tally *);

/* Adds what the other one has counted, as new. */
void	tlsrpt_tally_merge(struct tlsrpt_tally *, const struct tlsrpt_tally *);

/* --- the journal: a line for what came since the last call */

/* Appends lines, and takes note that they are written. */
void	tlsrpt_write_news(struct buf *, struct tlsrpt_tally *,
	    const char *domain);

/* A line, taken apart in place; strings are in the pool. */
bool	tlsrpt_parse_news(struct pool *, char *line,
	    struct tlsrpt_result *ret, uint64_t *ret_n);

/* As it is counted but written already. */
void	tlsrpt_count_old(struct tlsrpt_tally *, const struct tlsrpt_result *,
	    uint64_t n);

/* --- the report: RFC 8460 4.4 */

struct tlsrpt_report {
	const char	*organization, *contact, *id;
	int64_t		 start, end;		/* time(2) */
};

void	tlsrpt_write_report(struct buf *, const struct tlsrpt_report *,
	    const struct tlsrpt_tally *);

#endif
