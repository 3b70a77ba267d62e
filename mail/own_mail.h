/* own_mail - mail that the mail system itself writes */

#ifndef MAIL_OWN_MAIL_H
#define MAIL_OWN_MAIL_H

#include <stdbool.h>

struct buf;
struct cleanup_client;
struct recipient;

/* Reads conf_mail. */

/*
 * The envelope of a mail of our own to one recipient.  `flags` are enum
 * env_flag bits besides those that all have; `encoding` is NULL if unknown.
 */
void	own_mail_envelope(struct cleanup_client *, const char *sender,
	    const struct recipient *to, unsigned flags, const char *encoding);

/* Adds the Received: field that all mail of our own begins with. */
void	own_mail_received(struct buf *, const char *queue_id);

/* A session with errors, which postmaster wants to know of. */
struct own_mail_notice {
	const char	 *to;		/* envelope; NULL: error_notice_recipient,
					   whom the header names anyway */
	const char	 *who;		/* "SMTP server" */
	const char	 *about;	/* "host[address]" */
	const char	 *first;	/* text before the transcript, or NULL;
					   a CRLF is added */
	const struct buf *transcript;	/* lines ended by CRLF */
	const char	 *last;		/* text after it, likewise */
};

/* What goes wrong is logged. */
void	own_mail_notice(const struct own_mail_notice *);

#endif
