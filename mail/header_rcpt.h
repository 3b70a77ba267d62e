/* header_rcpt - the recipients that a header names: sendmail -t */

#ifndef MAIL_HEADER_RCPT_H
#define MAIL_HEADER_RCPT_H

#include <stddef.h>

#include "util/buf.h"

struct pool;

/*
 * Of To, Cc and Bcc, or of their Resent- forms if there is one; in internal
 * form, as written.  `content` begins with the header, whose lines end in LF
 * or CRLF; what follows it is not looked at.  Returns how many; the array is
 * the pool's.
 */
size_t	header_recipients(struct pool *, struct str content,
	    const char ***ret);

#endif
