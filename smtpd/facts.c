#include "smtpd/facts.h"

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
	return s->tls != NULL ? s->tls->protocol : "";
}

const char *
facts_tls_cipher(const struct session *s)
{
	return s->tls != NULL ? s->tls->cipher : "";
}

int
facts_tls_bits(const struct session *s)
{
	return s->tls != NULL ? s->tls->used_bits : 0;
}

bool
facts_ccert_trusted(const struct session *s)
{
	return s->tls != NULL && s->tls->trust >= TLS_TRUSTED;
}

/* What a certificate says counts only if someone we trust signed it. */
const char *
facts_ccert_subject(const struct session *s)
{
	return facts_ccert_trusted(s) ? s->tls->peer_cn : "";
}

const char *
facts_ccert_issuer(const struct session *s)
{
	return facts_ccert_trusted(s) ? s->tls->issuer_cn : "";
}

/* Fingerprints need no authority: who lists one knows it. */
const char *
facts_ccert_fingerprint(const struct session *s)
{
	return s->tls != NULL ? s->tls->cert_print : "";
}

const char *
facts_ccert_pubkey(const struct session *s)
{
	return s->tls != NULL ? s->tls->key_print : "";
}
