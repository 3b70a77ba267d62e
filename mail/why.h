/* why - how a delivery or a check ended, and why */

#ifndef MAIL_WHY_H
#define MAIL_WHY_H

#include <stdbool.h>

#include "util/buf.h"

enum outcome { DONE, TRY_LATER, FAILED };

/*
 * `dsn` is an enhanced status code "5.1.1" (RFC 3463); `text` one line for
 * the log and the report.  The remote parts are for RFC 3464 reports and may
 * be empty: remote_mta "dns; mx.example.com" without its type,
 * diag_type "smtp", diag_text "550 5.1.1 no such user".
 */
struct why {
	char		 dsn[12];
	struct buf	 text;
	struct buf	 remote_mta;
	struct buf	 diag_type;
	struct buf	 diag_text;
};

#define WHY_INIT { .text = BUF_INIT, .remote_mta = BUF_INIT, \
	.diag_type = BUF_INIT, .diag_text = BUF_INIT }

/* Sets dsn and text, empties the rest. */
void	why_set(struct why *, const char *dsn, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* The same with "4.3.2 text", or text alone and this status. */
void	why_parse(struct why *, const char *text, const char *dsn);
void	why_copy(struct why *, const struct why *);
void	why_clear(struct why *);
void	why_done(struct why *);

/* FAILED for 5.x.x, TRY_LATER for 4.x.x, DONE for 2.x.x. */
enum outcome why_outcome(const struct why *);

/* "5.1.1" at the start of text (then white space or the end)?  Number of
 * bytes, or 0.  `ret` gets it. */
size_t	dsn_parse(const char *text, char ret[12]);
bool	dsn_is_valid(const char *);

#endif
