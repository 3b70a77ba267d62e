#include "smtpd/facts.h"

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
	(void)s;
	return false;
}

const char *
facts_tls_protocol(const struct session *s)
{
	(void)s;
	return "";
}

const char *
facts_tls_cipher(const struct session *s)
{
	(void)s;
	return "";
}

int
facts_tls_bits(const struct session *s)
{
	(void)s;
	return 0;
}

bool
facts_ccert_trusted(const struct session *s)
{
	(void)s;
	return false;
}

const char *
facts_ccert_subject(const struct session *s)
{
	(void)s;
	return "";
}

const char *
facts_ccert_issuer(const struct session *s)
{
	(void)s;
	return "";
}

const char *
facts_ccert_fingerprint(const struct session *s)
{
	(void)s;
	return "";
}

const char *
facts_ccert_pubkey(const struct session *s)
{
	(void)s;
	return "";
}
