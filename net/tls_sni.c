/* tls_sni - the certificate that fits the name a client asks for (RFC 6066) */

#include <string.h>

#include "net/tls_int.h"
#include "util/text.h"

enum { NAMES_MAX = 1000 };	/* parsed chains that are kept */

/* Letters, digits, '-', '_' and dots: nothing that a table or a log could
 * take for something else. */
static bool
is_name(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > 253 || *s == '.')
		return false;
	for (; *s != '\0'; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ||
		    *s == '-' || *s == '_' || *s == '.'))
			return false;
	return true;
}

/* The parsed chain of a name's text, kept until the text changes. */
static const struct tls_chain *
chain_of(struct tls_context *c, const char *name, const struct buf *pem)
{
	struct tls_chain *chain;
	char		 *origin;

	if (c->sni == NULL)
		c->sni = map_new();
	chain = map_find(c->sni, name);
	if (chain != NULL && text_eq(chain->text, pem->data))
		return chain;
	tls_chain_free(chain);
	map_remove(c->sni, name);
	origin = mem_printf("SNI data for %s", name);
	chain = tls_chain_parse(origin, pem->data, pem->len);
	if (chain == NULL)
		tls_say(true, "error loading private keys and certificates "
		    "from: %s: aborting TLS handshake", origin);
	mem_free(origin);
	if (chain == NULL || map_count(c->sni) >= NAMES_MAX) {
		struct map_entry *e;

		if (chain == NULL)
			return NULL;
		e = map_at(c->sni, 0);
		tls_chain_free(e->value);
		map_remove_n(c->sni, e->key, e->key_len);
	}
	chain->text = mem_strndup(pem->data, pem->len);
	map_set(c->sni, name, chain);
	return chain;
}

static bool
use_chain(SSL *ssl, const struct tls_chain *chain)
{
	SSL_certs_clear(ssl);
	for (; chain != NULL; chain = chain->next)
		if (SSL_use_cert_and_key(ssl, chain->cert, chain->key,
		    chain->others, 1) != 1) {
			tls_say_errors();
			return false;
		}
	return true;
}

static int
hear_name(SSL *ssl, int *ret_alert, void *unused)
{
	struct tls	       *t = tls_of(ssl);
	const char	       *asked = SSL_get_servername(ssl,
	    TLSEXT_NAMETYPE_host_name);
	const struct tls_chain *chain;
	struct buf		pem = BUF_INIT;
	char		       *name;
	int			found;

	(void)unused;
	if (asked == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	name = text_lower(pool_strdup(&t->pool, asked));
	if (!is_name(name)) {
		struct buf b = BUF_INIT;

		text_printable(&b, asked, strlen(asked), false);
		tls_say(true, "TLS SNI from %s is invalid: %s", t->peer,
		    b.data);
		buf_done(&b);
		return SSL_TLSEXT_ERR_NOACK;
	}
	found = t->context->set.sni(name, &pem);
	if (found > 0) {
		chain = chain_of(t->context, name, &pem);
		found = chain != NULL && use_chain(ssl, chain) ? 1 : -1;
		t->info.sni = pool_strdup(&t->pool, asked);
	} else if (found == 0) {
		tls_say(false, "TLS SNI %s from %s not matched, using "
		    "default chain", asked, t->peer);
	}
	OPENSSL_cleanse(pem.data, pem.len);
	buf_done(&pem);
	if (found < 0) {
		*ret_alert = SSL_AD_INTERNAL_ERROR;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	return found > 0 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

void
tls_sni_set(struct tls_context *c)
{
	SSL_CTX_set_tlsext_servername_callback(c->ssl, hear_name);
}
