/* tls_info - facts about a session, and the words for them */

#include <ctype.h>
#include <string.h>

#include "net/tls_int.h"
#include "util/text.h"

/* --- key exchange and signatures */

static void
group_of_key(struct tls *t, EVP_PKEY *key, const char **ret_curve,
    int *ret_bits)
{
	char   name[80];
	size_t n;

	*ret_bits = EVP_PKEY_get_bits(key);
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	    EVP_PKEY_get_group_name(key, name, sizeof name, &n) == 1)
		*ret_curve = pool_strdup(&t->pool, name);
}

static void
fill_kex(struct tls *t)
{
	struct tls_info *i = &t->info;
	EVP_PKEY	*key = NULL;
	const char	*name;

	if (SSL_get_peer_tmp_key(t->ssl, &key) != 1 || key == NULL)
		return;
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_EC:
		i->kex = "ECDHE";
		break;
	case EVP_PKEY_DH:
		i->kex = "DHE";
		break;
	case EVP_PKEY_X25519:
		i->kex = "x25519";
		break;
	case EVP_PKEY_X448:
		i->kex = "x448";
		break;
	default:
		name = tls_lib.get0_group_name != NULL ?
		    tls_lib.get0_group_name(t->ssl) : NULL;
		i->kex = name != NULL ? pool_strdup(&t->pool, name) :
		    EVP_PKEY_get0_type_name(key);
		if (i->kex == NULL)
			i->kex = "";
	}
	group_of_key(t, key, &i->kex_curve, &i->kex_bits);
	EVP_PKEY_free(key);
}

static const char *
signature_name(int nid)
{
	switch (nid) {
	case EVP_PKEY_RSA:
		return "RSA";
	case EVP_PKEY_RSA_PSS:
		return "RSA-PSS";
	case EVP_PKEY_EC:
		return "ECDSA";
	case EVP_PKEY_ED25519:
		return "Ed25519";
	case EVP_PKEY_ED448:
		return "Ed448";
	default:
		return OBJ_nid2sn(nid);
	}
}

/* `ours`: who signs is this side. */
static void
fill_signature(struct tls *t, struct tls_signature *s, bool ours)
{
	X509	   *cert = ours ? SSL_get_certificate(t->ssl) :
	    SSL_get0_peer_certificate(t->ssl);
	EVP_PKEY   *key = cert != NULL ? X509_get0_pubkey(cert) : NULL;
	int	    type, digest;
	const char *name;

	if (key == NULL || !(ours ? SSL_get_signature_type_nid(t->ssl, &type) :
	    SSL_get_peer_signature_type_nid(t->ssl, &type)))
		return;
	name = signature_name(type);
	s->name = name != NULL ? name : "";
	group_of_key(t, key, &s->curve, &s->bits);
	if (type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448)
		s->bits = 0;
	if ((ours ? SSL_get_signature_nid(t->ssl, &digest) :
	    SSL_get_peer_signature_nid(t->ssl, &digest)) == 1 &&
	    digest != NID_undef && (name = OBJ_nid2sn(digest)) != NULL)
		s->digest = name;
}

/* --- names in certificates */

/* The last entry of a kind, if it is text that may be shown. */
static const char *
entry_of(struct tls *t, const X509_NAME *name, int nid)
{
	int	       at = -1, last = -1, len;
	unsigned char *utf8 = NULL;
	const char    *text = "";

	while ((at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0)
		last = at;
	if (last < 0)
		return "";
	len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(
	    X509_NAME_get_entry(name, last)));
	if (len < 0)
		return "";
	/* A NUL inside is an attack on who reads C strings. */
	if (strlen((char *)utf8) == (size_t)len) {
		struct buf b = BUF_INIT;

		text_printable(&b, (char *)utf8, (size_t)len, true);
		text = pool_strdup(&t->pool, b.data);
		buf_done(&b);
	}
	CRYPTO_free(utf8, __FILE__, __LINE__);
	return text;
}

static const char *
issuer_name(struct tls *t, const X509_NAME *issuer)
{
	const char *name = entry_of(t, issuer, NID_commonName);

	return *name != '\0' ? name :
	    entry_of(t, issuer, NID_organizationName);
}

static const char *
one_line(struct tls *t, const X509_NAME *name)
{
	char	   *text = X509_NAME_oneline(name, NULL, 0);
	struct buf  b = BUF_INIT;
	const char *copy;

	if (text == NULL)
		return "";
	text_printable(&b, text, strlen(text), true);
	copy = pool_strdup(&t->pool, b.data);
	buf_done(&b);
	CRYPTO_free(text, __FILE__, __LINE__);
	return copy;
}

static const char *
print_of(struct tls *t, const unsigned char *der, int len)
{
	struct buf  b = BUF_INIT;
	const char *copy = "";

	if (len > 0 && tls_fingerprint(&b, t->context->set.digest, der,
	    (size_t)len))
		copy = pool_strdup(&t->pool, b.data);
	else
		tls_say(true, "unknown fingerprint digest \"%s\"",
		    t->context->set.digest);
	buf_done(&b);
	return copy;
}

static const char *
key_print(struct tls *t, const X509_PUBKEY *key)
{
	unsigned char *der = NULL;
	int	       len = i2d_X509_PUBKEY(key, &der);
	const char    *print = print_of(t, der, len);

	CRYPTO_free(der, __FILE__, __LINE__);
	return print;
}

static void
fill_cert(struct tls *t, X509 *cert)
{
	struct tls_info *i = &t->info;
	unsigned char	*der = NULL;
	int		 len;

	i->has_cert = true;
	i->peer_cn = entry_of(t, X509_get_subject_name(cert),
	    NID_commonName);
	i->issuer_cn = issuer_name(t, X509_get_issuer_name(cert));
	i->subject = one_line(t, X509_get_subject_name(cert));
	i->issuer = one_line(t, X509_get_issuer_name(cert));
	len = i2d_X509(cert, &der);
	i->cert_print = print_of(t, der, len);
	CRYPTO_free(der, __FILE__, __LINE__);
	i->key_print = key_print(t, X509_get_X509_PUBKEY(cert));
}

/* RFC 7250 */
static void
fill_raw_key(struct tls *t, EVP_PKEY *key)
{
	X509_PUBKEY *x = NULL;

	t->info.has_rpk = true;
	if (X509_PUBKEY_set(&x, key) == 1)
		t->info.key_print = key_print(t, x);
	X509_PUBKEY_free(x);
}

static bool
wants_cert(const struct tls *t)
{
	return t->info.server || t->info.level > TLS_LEVEL_NONE;
}

void
tls_info_fill(struct tls *t)
{
	static const struct tls_signature no_signature = { "", "", "", 0 };
	struct tls_info	 *i = &t->info;
	const SSL_CIPHER *cipher = SSL_get_current_cipher(t->ssl);
	X509		 *cert;
	EVP_PKEY	 *raw;

	i->kex = i->kex_curve = i->peer_cn = i->issuer_cn = i->subject =
	    i->issuer = i->cert_print = i->key_print = "";
	i->verify_text = "";
	i->server_sig = i->client_sig = no_signature;
	if (i->sni == NULL)
		i->sni = "";
	i->reused = SSL_session_reused(t->ssl);
	i->protocol = SSL_get_version(t->ssl);
	i->cipher = SSL_CIPHER_get_name(cipher);
	i->used_bits = SSL_CIPHER_get_bits(cipher, &i->full_bits);
	if (SSL_version(t->ssl) >= TLS1_3_VERSION) {
		fill_kex(t);
		if (!i->reused) {
			fill_signature(t, &i->server_sig, i->server);
			fill_signature(t, &i->client_sig, !i->server);
		}
	}
	cert = SSL_get0_peer_certificate(t->ssl);
	if (cert != NULL && wants_cert(t))
		fill_cert(t, cert);
	else if (tls_lib.get0_peer_rpk != NULL &&
	    (raw = tls_lib.get0_peer_rpk(t->ssl)) != NULL)
		fill_raw_key(t, raw);
	ERR_clear_error();
}

/* --- words */

const char *
tls_trust_name(enum tls_trust trust)
{
	static const char *const names[] = {
		[TLS_ANONYMOUS] = "Anonymous", [TLS_UNTRUSTED] = "Untrusted",
		[TLS_TRUSTED] = "Trusted", [TLS_VERIFIED] = "Verified",
	};

	return names[trust];
}

static void
add_kex(struct buf *b, const struct tls_info *i)
{
	if (*i->kex == '\0')
		return;
	buf_addf(b, " key-exchange %s", i->kex);
	if (*i->kex_curve != '\0')
		buf_addf(b, " (%s)", i->kex_curve);
	else if (text_eq(i->kex, "DHE"))
		buf_addf(b, " (%d bits)", i->kex_bits);
}

static void
add_signature(struct buf *b, const char *side, const struct tls_signature *s)
{
	if (*s->name == '\0')
		return;
	buf_addf(b, " %s-signature %s", side, s->name);
	if (*s->curve != '\0')
		buf_addf(b, " (%s)", s->curve);
	else if (s->bits > 0)
		buf_addf(b, " (%d bits)", s->bits);
	if (*s->digest != '\0')
		buf_addf(b, " %s-digest %s", side, s->digest);
}

static void
add_cipher(struct buf *b, const struct tls_info *i)
{
	buf_addf(b, "%s with cipher %s (%d/%d bits)", i->protocol, i->cipher,
	    i->used_bits, i->full_bits);
}

void
tls_info_text(struct buf *b, const struct tls_info *i)
{
	add_cipher(b, i);
	add_kex(b, i);
	add_signature(b, "server", &i->server_sig);
	add_signature(b, "client", &i->client_sig);
}

void
tls_info_log_line(struct buf *b, const struct tls_info *i, const char *peer)
{
	buf_addf(b, "%s TLS connection %s %s %s",
	    tls_trust_name(i->trust), i->reused ? "reused" : "established",
	    i->server ? "from" : "to", peer);
	if (i->server && *i->sni != '\0')
		buf_addf(b, " to %s", i->sni);
	buf_adds(b, ": ");
	tls_info_text(b, i);
}

/* Received: has comments: what could end one becomes '?'. */
static void
add_comment_text(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		buf_addc(b, strchr("()\\\"", *s) != NULL ? '?' : *s);
}

static void
add_peer(struct buf *b, const struct tls_info *i, bool asked)
{
	if (i->has_cert) {
		buf_adds(b, "\t(Client CN \"");
		add_comment_text(b, i->peer_cn);
		buf_adds(b, "\", Issuer \"");
		add_comment_text(b, i->issuer_cn);
		buf_addf(b, "\" (%s))\r\n", i->trust >= TLS_TRUSTED ?
		    "verified OK" : "not verified");
	} else if (i->has_rpk) {
		buf_addf(b, "\t(Client RPK digest %s)\r\n", i->key_print);
	} else if (asked) {
		buf_adds(b, "\t(Client did not present a certificate)\r\n");
	} else {
		buf_adds(b, "\t(No client certificate requested)\r\n");
	}
}

void
tls_info_received(struct buf *b, const struct tls_info *i, bool asked)
{
	buf_adds(b, "\t(using ");
	add_cipher(b, i);
	if (*i->kex != '\0') {
		buf_adds(b, "\r\n\t");
		add_kex(b, i);
		add_signature(b, "server", &i->server_sig);
	}
	if (*i->client_sig.name != '\0') {
		buf_adds(b, "\r\n\t");
		add_signature(b, "client", &i->client_sig);
	}
	buf_adds(b, ")\r\n");
	add_peer(b, i, asked);
}

/* --- the chain */

enum { PEM_COLUMNS = 64 };

static void
add_name(struct buf *out, const char *what, X509_NAME *name)
{
	char line[512];

	X509_NAME_oneline(name, line, sizeof line);
	buf_adds(out, what);
	text_printable(out, line, strlen(line), true);
	buf_addc(out, '\n');
}

/* Frees `der`. */
static void
add_print(const struct tls *t, struct buf *out, const char *what,
    unsigned char *der, int len)
{
	buf_adds(out, what);
	if (len > 0)
		tls_fingerprint(out, t->context->set.digest, der, (size_t)len);
	buf_addc(out, '\n');
	CRYPTO_free(der, __FILE__, __LINE__);
}

static void
add_prints(const struct tls *t, struct buf *out, X509 *cert)
{
	unsigned char *der = NULL, *key = NULL;
	int	       len = i2d_X509(cert, &der);
	int	       key_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert),
			   &key);

	add_print(t, out, "   cert digest=", der, len);
	add_print(t, out, "   pkey digest=", key, key_len);
}

static void
add_pem(struct buf *out, X509 *cert)
{
	unsigned char *der = NULL;
	struct buf     text = BUF_INIT;
	int	       len = i2d_X509(cert, &der);

	if (len > 0)
		text_base64(&text, der, (size_t)len);
	CRYPTO_free(der, __FILE__, __LINE__);
	buf_adds(out, "-----BEGIN CERTIFICATE-----\n");
	for (size_t at = 0; at < text.len; at += PEM_COLUMNS)
		buf_addf(out, "%.*s\n", PEM_COLUMNS, text.data + at);
	buf_adds(out, "-----END CERTIFICATE-----\n");
	buf_done(&text);
}

void
tls_info_chain(const struct tls *t, struct buf *ret_pem)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(t->ssl);
	int		n = chain == NULL ? 0 : sk_X509_num(chain);

	for (int i = 0; i < n; i++) {
		X509 *cert = sk_X509_value(chain, i);

		buf_addf(ret_pem, "%2d", i);
		add_name(ret_pem, " subject: ", X509_get_subject_name(cert));
		add_name(ret_pem, "    issuer: ", X509_get_issuer_name(cert));
		add_prints(t, ret_pem, cert);
		add_pem(ret_pem, cert);
	}
}
