/*
 * tls_verify - is the other side who we want?
 *
 * The callback lets every handshake go on and only takes notes; what follows
 * from them is judged afterwards:
 *
 *	may, encrypt, servers	TRUSTED if the chain is good
 *	fingerprint		VERIFIED if a print of the certificate or its
 *				key is in the list; chains don't matter
 *	dane, dane-only		VERIFIED if a usable TLSA record fits
 *	verify, secure		VERIFIED if the chain is good and a name fits
 *
 * A resumed session shows no chain again: the result is that of the session,
 * whose key in the store is made of all that was asked for (tls_resume.c).
 */

#include <ctype.h>
#include <string.h>

#include "net/addr.h"
#include "net/tls_int.h"
#include "util/text.h"

/* --- TLSA records */

/* A certificate or a key itself, and nothing behind it. */
static bool
is_whole(const struct tlsa *r)
{
	const unsigned char *p = r->data;
	X509		    *cert = NULL;
	EVP_PKEY	    *key = NULL;
	bool		     good;

	if (r->selector == 0)
		cert = d2i_X509(NULL, &p, (long)r->len);
	else
		key = d2i_PUBKEY(NULL, &p, (long)r->len);
	good = p == r->data + r->len && (key != NULL ||
	    (cert != NULL && X509_get0_pubkey(cert) != NULL));
	X509_free(cert);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return good;
}

bool
tlsa_is_usable(const struct tlsa *r)
{
	/* PKIX usages 0 and 1 have no meaning for mail (RFC 7672 3.1.3). */
	if (r->usage < 2 || r->usage > 3 || r->selector > 1)
		return false;
	switch (r->matching) {
	case 0:
		return !tls_process.started || is_whole(r);
	case 1:
		return r->len == 32;
	case 2:
		return r->len == 64;
	default:
		return false;
	}
}

static void
add_hex(struct buf *b, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_addf(b, "%02X", p[i]);
}

void
tlsa_text(struct buf *b, const struct tlsa *r)
{
	enum { END = 32 };	/* bytes shown of what is no digest */

	buf_addf(b, "%d %d %d ", r->usage, r->selector, r->matching);
	if (r->len <= 2 * END) {
		add_hex(b, r->data, r->len);
		return;
	}
	add_hex(b, r->data, END);
	buf_adds(b, "...");
	add_hex(b, r->data + r->len - END, END);
}

/* --- the callback */

static void
note_error(struct tls *t, X509_STORE_CTX *x, int error)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(x);
	char *name;

	t->error = error;
	if (cert == NULL)
		return;
	name = X509_NAME_oneline(X509_get_issuer_name(cert), NULL, 0);
	if (name != NULL)
		t->error_issuer = pool_strdup(&t->pool, name);
	CRYPTO_free(name, __FILE__, __LINE__);
}

int
tls_verify_callback(int ok, X509_STORE_CTX *x)
{
	SSL	   *ssl = X509_STORE_CTX_get_ex_data(x,
	    SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *t = ssl != NULL ? tls_of(ssl) : NULL;
	int	    error = X509_STORE_CTX_get_error(x);
	int	    depth = X509_STORE_CTX_get_error_depth(x);

	if (t == NULL)
		return ok;
	if (t->log_level >= 2 && t->info.level != TLS_LEVEL_FINGERPRINT) {
		X509 *cert = X509_STORE_CTX_get_current_cert(x);
		char *name = cert != NULL ? X509_NAME_oneline(
		    X509_get_subject_name(cert), NULL, 0) : NULL;

		tls_say(false, "%s: depth=%d verify=%d subject=%s", t->peer,
		    depth, ok, name != NULL ? name : "");
		CRYPTO_free(name, __FILE__, __LINE__);
	}
	/* Neither the peer's own nor the authority's certificate counts. */
	if (depth > t->context->set.verify_depth + 1 && ok) {
		ok = 0;
		error = X509_V_ERR_CERT_CHAIN_TOO_LONG;
		X509_STORE_CTX_set_error(x, error);
	}
	if (!ok && error == X509_V_ERR_HOSTNAME_MISMATCH)
		t->wrong_name = true;
	else if (!ok && t->error == X509_V_OK)
		note_error(t, x, error);
	return 1;
}

/* --- before a client's handshake */

/* OpenSSL takes but one numeric address, and wants it besides a name: what a
 * list has of them is compared by ourselves, see fits_address(). */
static bool
is_numeric(const char *name)
{
	struct addr a;

	return addr_parse(&a, name, 0);
}

static bool
add_names(struct tls *t, const struct tls_connect *w)
{
	unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

	if (tls_process.with.wildcard_many_labels)
		flags |= X509_CHECK_FLAG_MULTI_LABEL_WILDCARDS;
	SSL_set_hostflags(t->ssl, flags);
	for (const char *const *m = w->match; m != NULL && *m != NULL; m++) {
		if (is_numeric(*m)) {
			t->has_numeric = true;
			continue;
		}
		if (SSL_add1_host(t->ssl, *m) != 1)
			return false;
		t->has_names = true;
	}
	return true;
}

static bool
prepare_dane(struct tls *t, const struct tls_connect *w)
{
	size_t usable = 0;

	if (SSL_dane_enable(t->ssl, w->host) <= 0)
		return false;
	for (size_t i = 0; i < w->tlsa_count; i++) {
		const struct tlsa *r = &w->tlsa[i];

		/* A record that can't be used is left out; who has none left
		 * finds out before it comes here. */
		if (tlsa_is_usable(r) && SSL_dane_tlsa_add(t->ssl, r->usage,
		    r->selector, r->matching, r->data, r->len) > 0)
			usable++;
	}
	ERR_clear_error();
	t->wants_match = usable > 0;
	t->has_names = true;	/* the base domain */
	return add_names(t, w);
}

bool
tls_verify_prepare(struct tls *t, const struct tls_connect *w)
{
	t->log_untrusted = w->level > TLS_LEVEL_ENCRYPT ||
	    (w->say & TLS_SAY_UNTRUSTED);
	if (w->anchor_files != NULL && *w->anchor_files != '\0' &&
	    !tls_anchors_use(t, w->anchor_files))
		return false;
	switch (w->level) {
	case TLS_LEVEL_HALF_DANE:
	case TLS_LEVEL_DANE:
	case TLS_LEVEL_DANE_ONLY:
		return prepare_dane(t, w);
	case TLS_LEVEL_VERIFY:
	case TLS_LEVEL_SECURE:
		t->wants_match = true;
		if (w->match == NULL || *w->match == NULL) {
			/* OpenSSL would take any name for a good one */
			tls_say(true, "%s: could not configure peer name "
			    "checks", t->peer);
			t->wrong_name = t->nothing_to_match = true;
			return true;
		}
		return add_names(t, w);
	case TLS_LEVEL_FINGERPRINT:
		t->wants_match = true;
		return true;
	default:
		return true;
	}
}

/* --- afterwards */

/* Is there one of the right length? */
static bool
has_usable_print(const struct tls *t)
{
	size_t want = (strlen(t->info.key_print) + 1) / 3;

	for (const char *const *m = t->wish->match; m != NULL && *m != NULL;
	    m++) {
		size_t digits = 0;

		for (const char *p = *m; *p != '\0'; p++)
			digits += *p != ':';
		if (digits == 2 * want)
			return true;
	}
	return false;
}

/* "ab:cd" and "ABCD" are the same. */
static bool
same_print(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a == ':')
			a++;
		while (*b == ':')
			b++;
		if ((*a | 0x20) != (*b | 0x20))
			return false;
		if (*a == '\0' || *b == '\0')
			return *a == *b;
	}
}

/* NULL: none fits. */
static const char *
find_print(const struct tls *t)
{
	const struct tls_info *i = &t->info;
	const char *const     *m = t->wish != NULL ? t->wish->match : NULL;

	for (; m != NULL && *m != NULL; m++)
		if ((*i->cert_print != '\0' && same_print(*m, i->cert_print)) ||
		    (*i->key_print != '\0' && same_print(*m, i->key_print)))
			return *m;
	return NULL;
}

static bool
fits_address(const struct tls *t)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);

	if (cert == NULL || !t->has_numeric)
		return false;
	for (const char *const *m = t->wish->match; *m != NULL; m++)
		if (is_numeric(*m) && X509_check_ip_asc(cert, *m, 0) == 1)
			return true;
	return false;
}

void
tls_verify_judge(struct tls *t)
{
	struct tls_info *i = &t->info;
	long		 kept = SSL_get_verify_result(t->ssl);
	bool		 chain, name;

	if (i->reused) {
		chain = kept == X509_V_OK ||
		    kept == X509_V_ERR_HOSTNAME_MISMATCH;
		name = kept == X509_V_OK;
		t->error = chain ? X509_V_OK : (int)kept;
	} else {
		if (i->has_rpk && t->error == X509_V_OK)
			t->error = (int)kept;
		chain = t->error == X509_V_OK;
		name = !t->wrong_name;
	}
	if (t->has_numeric)
		name = (name && t->has_names) || fits_address(t);
	t->matched = t->wants_match && (i->level == TLS_LEVEL_FINGERPRINT ?
	    find_print(t) != NULL : chain && name);
	if (!i->has_cert && !i->has_rpk)
		i->trust = TLS_ANONYMOUS;
	else if (t->matched)
		i->trust = TLS_VERIFIED;
	else if (i->has_cert && chain && (name || !t->wants_match) &&
	    i->level != TLS_LEVEL_FINGERPRINT)
		i->trust = TLS_TRUSTED;
	else
		i->trust = TLS_UNTRUSTED;

	i->verify_error = t->error;
	if (t->error == X509_V_OK && t->wants_match && !t->matched)
		i->verify_error = t->nothing_to_match ?
		    X509_V_ERR_UNSPECIFIED : X509_V_ERR_HOSTNAME_MISMATCH;
	if (i->level == TLS_LEVEL_FINGERPRINT)
		i->verify_error = t->matched ? X509_V_OK :
		    has_usable_print(t) ? X509_V_ERR_DANE_NO_MATCH :
		    X509_V_ERR_UNSPECIFIED;
	i->verify_text = X509_verify_cert_error_string(i->verify_error);
}

/* In the words of those who read logs. */
static void
log_error(const struct tls *t, const char *what)
{
	const struct tls_info *i = &t->info;

	switch (i->verify_error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		if (t->error_issuer != NULL) {
			tls_say(false, "certificate verification failed for "
			    "%s: untrusted issuer %s", t->peer,
			    t->error_issuer);
			return;
		}
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		tls_say(false, "certificate verification failed for %s: "
		    "self-signed certificate", t->peer);
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
		tls_say(false, "certificate verification failed for %s: "
		    "certificate not yet valid", t->peer);
		return;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
		tls_say(false, "certificate verification failed for %s: "
		    "certificate has expired", t->peer);
		return;
	case X509_V_ERR_INVALID_PURPOSE:
		tls_say(false, "certificate verification failed for %s: not "
		    "designated for use as a %s certificate", t->peer,
		    i->server ? "client" : "server");
		return;
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
		tls_say(false, "certificate verification failed for %s: "
		    "certificate chain longer than limit(%d)", t->peer,
		    t->context->set.verify_depth);
		return;
	default:
		break;
	}
	tls_say(false, "%s verification failed for %s: num=%ld:%s", what,
	    t->peer, i->verify_error, i->verify_text);
}

/* Which record of DANE, or which anchor of a file. */
static void
log_authority(const struct tls *t)
{
	struct tlsa r = { 0 };
	X509	   *cert;
	EVP_PKEY   *key;
	struct buf  text = BUF_INIT;
	int	    depth = SSL_get0_dane_authority(t->ssl, &cert, &key);

	if (depth < 0)
		return;
	if (t->wish->tlsa_count == 0) {
		tls_say(false, "%s: Matched trust anchor at depth %d", t->peer,
		    depth);
		return;
	}
	SSL_get0_dane_tlsa(t->ssl, &r.usage, &r.selector, &r.matching,
	    &r.data, &r.len);
	tlsa_text(&text, &r);
	tls_say(false, "%s: Matched DANE %s at depth %d: %s", t->peer,
	    key != NULL ? "TA public key" : depth > 0 ? "TA certificate" :
	    "EE certificate", depth, text.data);
	buf_done(&text);
}

/* Why the server is believed. */
static void
log_match(const struct tls *t)
{
	struct buf  print = BUF_INIT;
	const char *name;

	if (t->info.level == TLS_LEVEL_FINGERPRINT) {
		for (const char *p = find_print(t); p != NULL && *p; p++)
			if (*p != ':')
				buf_addc(&print, (char)toupper(
				    (unsigned char)*p));
		tls_say(false, "%s: Matched fingerprint: %s", t->peer,
		    print.data);
		buf_done(&print);
		return;
	}
	if ((name = SSL_get0_peername(t->ssl)) != NULL)
		tls_say(false, "%s: matched peername: %s", t->peer, name);
	log_authority(t);
}

void
tls_verify_log(const struct tls *t)
{
	const struct tls_info *i = &t->info;

	if (i->reused || !(i->has_cert || i->has_rpk))
		return;
	if (t->log_level >= 2 && i->level == TLS_LEVEL_FINGERPRINT)
		tls_say(false, "%s: depth=0 verify=%d subject=%s", t->peer,
		    t->matched, i->subject);
	if (i->verify_error != X509_V_OK && t->log_untrusted)
		log_error(t, i->server ? "client certificate" :
		    "server certificate");
	if ((t->say & TLS_SAY_MATCH) && t->matched && i->has_cert)
		log_match(t);
	if (t->log_level >= 2 && i->has_cert && i->server) {
		tls_say(false, "subject=%s", i->subject);
		tls_say(false, "issuer=%s", i->issuer);
	}
	if (t->say & (TLS_SAY_CERT | TLS_SAY_MATCH))
		tls_say(false, "%s: subject_CN=%s, issuer%s=%s, "
		    "fingerprint=%s, pkey_fingerprint=%s", t->peer,
		    i->peer_cn, i->server ? "" : "_CN", i->issuer_cn,
		    i->cert_print, i->key_print);
}

bool
tls_info_is_enough(const struct tls_info *i)
{
	return i->level <= TLS_LEVEL_ENCRYPT || i->trust == TLS_VERIFIED;
}
