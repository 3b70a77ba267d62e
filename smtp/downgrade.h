/* downgrade - 8-bit MIME content made fit for a 7-bit server */

#ifndef SMTP_DOWNGRADE_H
#define SMTP_DOWNGRADE_H

#include <stddef.h>

struct buf;

/*
 * RFC 6152 3: parts whose Content-Transfer-Encoding is 8bit or binary become
 * quoted-printable, and multipart and message parts that said so say 7bit.
 * What is 8-bit without saying so is left as it is.  The message comes in
 * pieces that may end anywhere, lines ended by CRLF; what is ready is added
 * to `out`.
 */
struct downgrade;

struct downgrade *downgrade_new(void);
void	downgrade_feed(struct downgrade *, const char *text, size_t len,
	    struct buf *out);
void	downgrade_end(struct downgrade *, struct buf *out);
void	downgrade_free(struct downgrade *);

#endif
