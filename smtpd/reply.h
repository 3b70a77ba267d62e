/* reply - answers to the client, and reject lines in the log */

#ifndef SMTPD_REPLY_H
#define SMTPD_REPLY_H

struct buf;
struct session;

/*
 * Adds CRLF.  A reply of 4xx or 5xx gets smtpd_reject_footer, and ends the
 * session if its code is 421 or 521.  After smtpd_soft_error_limit errors every
 * reply waits smtpd_error_sleep_time.  Nothing is sent before the next read or
 * flush, so that answers to pipelined commands leave together.
 */
void	reply(struct session *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* Controls become spaces, and all that is not ASCII unless smtputf8_enable. */
void	reply_clean(struct buf *);

/* A whole reply of another server, its lines with "\n" between them: treated
 * as reply() does its own. */
void	reply_relayed(struct session *, const char *lines);

/* Several lines in one: each ends in "\n"; used for EHLO. */
void	reply_lines(struct session *, const char *code, const char *lines);

/* "ACTION: STAGE: REPLY; from=<> to=<> proto= helo=<>": what a filter before
 * the queue answered. */
void	log_answer(struct session *, const char *action, const char *reply);

/*
 * "ID: ACTION: STAGE from NAMADDR: TEXT; from=<> to=<> proto= helo=<>".
 * `rcpt` is the recipient at issue in internal form, or NULL.
 */
void	log_verdict(struct session *, const char *action, const char *rcpt,
	    const char *text);

#endif
