/* prefilter - the filter that sees mail before it is accepted
 * (smtpd_proxy_filter) */

#ifndef SMTPD_PREFILTER_H
#define SMTPD_PREFILTER_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct session;

/*
 * One SMTP connection a message, in step with the client: what the filter
 * refuses is refused with its words, and its answer to the content is ours.
 * With speed_adjust commands and content are kept until the message is
 * complete, and the filter is busy only for as long as it takes itself.
 *
 * Replies are lines with "\n" between them.  A reply that makes no sense, a
 * filter that is gone: "451 4.3.0 Error: queue file write error", and the log
 * has the reason.
 */
struct prefilter;

bool	prefilter_is_used(const struct session *);

/* EHLO, XFORWARD and `mail`, the client's command.  NULL: the reply for the
 * client is in `ret_no`. */
struct prefilter *prefilter_open(struct session *, const char *mail,
	    struct buf *ret_no);

/* RCPT and DATA, as the client gave them.  False: with a reply. */
bool	prefilter_rcpt(struct prefilter *, const char *command,
	    struct buf *ret_no);
bool	prefilter_data(struct prefilter *, struct buf *ret_no);

/* Lines ended by CRLF, not dot-stuffed, in pieces. */
void	prefilter_content(struct prefilter *, const void *, size_t);

/* True if the filter took it; `ret_reply` either way. */
bool	prefilter_end(struct prefilter *, struct buf *ret_reply);

/* Says QUIT where that is possible.  NULL is fine. */
void	prefilter_close(struct prefilter *);

#endif
