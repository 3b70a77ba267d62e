/* auth - AUTH (RFC 4954): who has logged in */

#ifndef SMTPD_AUTH_H
#define SMTPD_AUTH_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct session;

/* Before the jail: opens the back-end.  Ends the process when the
 * configuration makes no sense. */
void	auth_load(void);

/* Adds the AUTH lines of EHLO, each with "\n"; none if AUTH is not for this
 * client now. */
void	auth_add_keywords(struct session *, struct buf *);

/* What was said before STARTTLS does not count after it. */
void	auth_forget(struct session *);

/* Adds "sasl_method=... sasl_username=... sasl_sender=..." as far as known,
 * each with `sep` before it. */
void	auth_add_log(const struct session *, struct buf *, const char *sep);

/* How much of what a client sent may be seen in logs and transcripts: all of
 * it, or up to the mechanism of the first AUTH. */
size_t	auth_shown(const char *, size_t len);

#endif
