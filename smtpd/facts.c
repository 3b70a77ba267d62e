#include "smtpd/facts.h"

#include "net/tls.h"
#include "net/tls.h"
#include "smtpd/session.h"

static const char *
text(const char *s)
{
	return s != NULL ? s : "";
}

const char *
facts_sasl_method(const struct session *s)
{
	return text(s->auth.method);
}

const char *
facts_sasl_username(const struct session *s)
{
	return text(s->auth.username);
}

const char *
facts_sasl_sender(const struct session *s)
{
	return text(s->auth.sender);
}

bool
facts_is_encrypted(const struct session *s)
{
	return s->tls != NULL;
}

const char *
facts_tls_protocol(const struct session *s)
{
	return s->tls != NULL ? text(s->tls->protocol) : "";
}

const char *
facts_tls_cipher(const struct session *s)
{
	return s->tls != NULL ? text(s->tls->cipher) : "";
}

int
facts_tls_bits(const struct session *s)
{
	return s->tls != NULL ? s->tls->used_bits : 0;
}

/* What a certificate says of its owner counts if we know who signed it; its
 * fingerprint speaks for itself. */
bool
facts_ccert_trusted(const struct session *s)
{
	return s->tls != NULL && s->tls->has_cert &&
	    s->tls->trust >= TLS_TRUSTED;
}

const char *
facts_ccert_subject(const struct session *s)
{
	return facts_ccert_trusted(s) ? text(s->tls->peer_cn) : "";
}

const char *
facts_ccert_issuer(const struct session *s)
{
	return facts_ccert_trusted(s) ? text(s->tls->issuer_cn) : "";
}

const char *
facts_ccert_fingerprint(const struct session *s)
{
	return s->tls != NULL ? text(s->tls->cert_print) : "";
}

const char *
facts_ccert_pubkey(const struct session *s)
{
	return s->tls != NULL ? text(s->tls->key_print) : "";
}
