/* tls - STARTTLS and TLS from the start, for a session */

#ifndef SMTP_TLS_H
#define SMTP_TLS_H

#include <stdbool.h>

struct policy;
struct session;

/* Reads keys and authorities; before the jail.  A program whose parameters
 * never ask for TLS does nothing. */
void	client_tls_init(void);

/* False: our side of TLS is out of order, which was logged. */
bool	client_tls_works(void);

/*
 * The handshake by this policy; nothing may be buffered in the stream.  False:
 * it failed, and the stream with it.  s->tls has the facts; whether they are
 * enough is another question (tls_info_is_enough()).
 */
bool	client_tls_start(struct session *, const struct policy *);

/* Files of trust anchors: false if one has no certificate or can't be read,
 * which was logged.  True while TLS does not work at all. */
bool	client_tls_has_anchors(const char *files);

#endif
