/* facts - who has authenticated, by AUTH or by TLS: for restrictions, policy
 * servers and logs */

#ifndef SMTPD_FACTS_H
#define SMTPD_FACTS_H

#include <stdbool.h>

struct session;

/* AUTH, or XCLIENT LOGIN.  "" as long as nobody has. */
const char	*facts_sasl_method(const struct session *);
const char	*facts_sasl_username(const struct session *);
const char	*facts_sasl_sender(const struct session *);	/* MAIL AUTH= */

/* TLS.  "" and 0 in a session without, or without a certificate. */
bool		 facts_is_encrypted(const struct session *);
const char	*facts_tls_protocol(const struct session *);
const char	*facts_tls_cipher(const struct session *);
int		 facts_tls_bits(const struct session *);
bool		 facts_ccert_trusted(const struct session *);
const char	*facts_ccert_subject(const struct session *);
const char	*facts_ccert_issuer(const struct session *);
const char	*facts_ccert_fingerprint(const struct session *);
const char	*facts_ccert_pubkey(const struct session *);

#endif
