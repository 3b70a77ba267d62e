/* cleanup_client - handing a message to cleanup: smtpd, pickup, bounce, local */

#ifndef MAIL_CLEANUP_CLIENT_H
#define MAIL_CLEANUP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/envelope.h"
#include "util/buf.h"

/*
 * Protocol "cleanup" on public/cleanup (frames; keys in cleanup_client.c and
 * cleanup/ share mail/cleanup_proto.h):
 *
 *	C: OPEN flags			S: QUEUE_ID id | FAILED status why
 *	C: ENVELOPE (mail/envelope.h)	no answer
 *	C: MILTER ... MACROS		no answer; with smtpd_milters
 *	C: RCPT ...			no answer
 *	C: CONTENT bytes ...		no answer; lines ended by CRLF,
 *					not dot-stuffed; chunks end anywhere
 *	C: END				S: RESULT status why
 *	or C: ABORT			S: RESULT canceled
 *
 * then the connection serves the next message.  Flow is bounded by the socket.
 * When cleanup hits an error while content comes it reads on and tells at the
 * end.
 */
enum cleanup_flag {
	CLEANUP_BOUNCE = 1,	/* on an error bounce the mail oneself
				   (pickup, local submission) */
	CLEANUP_FILTER = 2,	/* header/body checks apply */
	CLEANUP_MAP = 4,	/* virtual aliases and canonical maps apply */
	CLEANUP_BCC = 8,	/* always_bcc and *_bcc_maps apply */
	CLEANUP_MILTER = 16,	/* non_smtpd_milters apply */
	CLEANUP_REWRITE_LOCAL = 32, /* headers: local_header_rewrite_clients */
	CLEANUP_EXTRACT = 64,	/* sendmail -t: recipients from the header */
	CLEANUP_HOLD = 128,
	CLEANUP_DISCARD = 256,	/* accept and throw away */
	CLEANUP_SMTPUTF8_AUTODETECT = 512,
	CLEANUP_INTERNAL = 1024,
};

/* RESULT status: what smtpd answers with. */
enum cleanup_status {
	CLEANUP_OK,
	CLEANUP_WRITE_ERROR,	/* 451 4.3.0 Error: queue file write error */
	CLEANUP_NO_SPACE,	/* 452 4.3.1 Insufficient system storage */
	CLEANUP_TOO_BIG,	/* 552 5.3.4 Error: message file too big */
	CLEANUP_HOPS,		/* 554 5.4.0 Error: too many hops */
	CLEANUP_REJECTED,	/* `why` has the reply */
	CLEANUP_NO_RCPT,	/* 550 5.1.0 no recipients specified */
	CLEANUP_TABLE_ERROR,	/* 451 4.3.0 queue file write error: a map
				   failed: try later */
	CLEANUP_BAD,		/* protocol error or cleanup died: 451 4.3.0 */
	CLEANUP_CANCELED,
};

struct cleanup_client;

/* What cleanup does with mail from outside: all but what the words in
 * receive_override_options switch off.  A word that is none of them goes into
 * `unknown`, which may be NULL. */
unsigned	 cleanup_input_flags(const char *overrides,
		    struct buf *unknown);

/* CLEANUP_SMTPUTF8_AUTODETECT, or 0: is `class` ("sendmail", "smtpd") in the
 * list smtputf8_autodetect_classes? */
unsigned	 cleanup_autodetect(const char *classes, const char *class);

/* Waits for the queue id.  NULL with why in *ret_status (log line written by
 * the caller). */
struct cleanup_client *cleanup_open(unsigned flags,
		    enum cleanup_status *ret_status);
const char	*cleanup_queue_id(const struct cleanup_client *);

/* The envelope without recipients; before the first content.  May be sent
 * again until END (message_id and other late facts are cleanup's own). */
void		 cleanup_envelope(struct cleanup_client *,
		    const struct envelope *);
void		 cleanup_rcpt(struct cleanup_client *, const struct recipient *);
void		 cleanup_content(struct cleanup_client *, const void *, size_t);
/* The same as a queue_put_fn (mail/queue_file.h). */
void		 cleanup_put(void *client, const char *bytes, size_t len);

/* Who shall see the message, before the first content: the open sockets of
 * milters and what they may know. */
struct milters;
void		 cleanup_milters(struct cleanup_client *, struct milters *);

/* Flush and wait for the result; `why`: DSN and reply text after the code,
 * for CLEANUP_REJECTED with the SMTP code in front.  Frees the client. */
enum cleanup_status cleanup_end(struct cleanup_client *, struct buf *why);
void		 cleanup_abort(struct cleanup_client *);

/* True: cleanup already knows that it will fail (or is gone): the sender may
 * stop sending content.  Does not wait. */
bool		 cleanup_has_failed(struct cleanup_client *);

/*
 * A whole short message from a program: notices to postmaster, bounces.
 * Lines are added with cleanup_printf() (CRLF is added to each).
 */
void		 cleanup_printf(struct cleanup_client *, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));

#endif
