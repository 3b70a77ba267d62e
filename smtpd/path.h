/* path - the addresses of MAIL, RCPT and VRFY */

#ifndef SMTPD_PATH_H
#define SMTPD_PATH_H

#include <stdbool.h>

struct buf;
struct session;

enum path_flag { PATH_NULL_OK = 1, PATH_UTF8 = 2 };

/* The reply to an address that needs SMTPUTF8 where strict_smtputf8 wants it to
 * be asked for; NULL if this one does not. */
const char *path_needs_utf8(const struct buf *internal, bool asked);

/*
 * The internal form of an address as the client wrote it.  False, and a
 * warning in the log, if it is none.  PATH_NULL_OK: "<>" is one.  PATH_UTF8:
 * the domain may be in UTF-8 (SMTPUTF8 was asked for).
 */
bool	path_parse(struct session *, const char *text, int flags,
	    struct buf *ret_internal);

/* The same for VRFY (RFC 5321 3.5.1): as in a header field, of which it is the
 * only address: "Full Name <user>". */
bool	path_parse_mailbox(struct session *, const char *text, int flags,
	    struct buf *ret_internal);

#endif
