/* starttls - TLS in sessions: STARTTLS (RFC 3207) and wrapper mode */

#ifndef SMTPD_STARTTLS_H
#define SMTPD_STARTTLS_H

#include <stdbool.h>

struct buf;
struct session;

/* Before the jail: keys, certificates, authorities.  What can't be used is
 * logged, and then STARTTLS is answered with 454.  Ends the process when the
 * level is no level. */
void	starttls_load(void);

/* After it: the watch over their files. */
void	starttls_watch(void);

/* Is mail without TLS refused? */
bool	starttls_is_mandatory(void);

/* Shall EHLO name STARTTLS, and REQUIRETLS, in this session now? */
bool	starttls_is_offered(const struct session *);
bool	starttls_may_require(const struct session *);

/* Wrapper mode: the handshake, if it is to be before all else.  False: the
 * session ends. */
bool	starttls_wrap(struct session *);

/* Lines of Received: about TLS, if they are wanted. */
void	starttls_received(const struct session *, struct buf *);

/* permit_tls_clientcerts: is the client's certificate or key one of
 * relay_clientcerts?  With `all` a certificate that is trusted is enough.
 * 1 yes, 0 no, -1 the table can't be asked now. */
int	starttls_permits(const struct session *, bool all);

#endif
