/*
 * tls_resume - sessions that go on where an earlier one ended
 *
 * A server gives tickets (RFC 5077, RFC 8446 4.6.1) under keys that all its
 * workers have from the caller's find(); with a store, sessions by id too, for
 * clients without tickets.  A client keeps what servers give in the store,
 * under a key that has everything that the session's verification depended
 * on.
 */

#include <string.h>
#include <time.h>

#include "net/tls_int.h"
#include "util/text.h"

enum { SESSION_MAX = 16 * 1024 };	/* bytes: one with a long chain */

static void
digest_hex(struct buf *b, const struct buf *of)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	size_t	      n;

	if (EVP_Q_digest(NULL, "SHA256", NULL, of->data, of->len, md, &n) == 1)
		text_hex(b, md, n);
}

/* --- tickets */

static bool
start_cipher(const struct tls_settings *s, EVP_CIPHER_CTX *ctx,
    const unsigned char *key, const unsigned char *iv, int encrypt)
{
	const char	 *name = s->tickets.cipher;
	const EVP_CIPHER *cipher = EVP_get_cipherbyname(
	    name != NULL && *name != '\0' ? name : "aes-256-cbc");

	return cipher != NULL && EVP_CIPHER_get_key_length(cipher) <= 32 &&
	    EVP_CipherInit_ex(ctx, cipher, NULL, key, iv, encrypt) == 1;
}

/* 1: go on; 2: and give a new ticket; 0: no ticket, or not one of ours. */
static int
ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	const struct tls_settings *s = &tls_of(ssl)->context->set;
	char		      sha256[] = "sha256";
	struct tls_ticket_key k, newest;
	OSSL_PARAM	      params[3];
	int		      result = 1;

	if (!s->tickets.find(encrypt ? NULL : name, &k))
		return 0;
	if (encrypt) {
		if (tls_of(ssl)->log_level >= 2)
			tls_say(false, "%s: Issuing session ticket, key "
			    "expiration: %lld", tls_of(ssl)->peer,
			    (long long)k.expires);
		if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
			return 0;
		memcpy(name, k.name, sizeof k.name);
	} else if (s->tickets.find(NULL, &newest) &&
	    memcmp(newest.name, k.name, sizeof k.name) != 0) {
		result = 2;
	}
	params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
	    k.mac_key, sizeof k.mac_key);
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
	    sha256, 0);
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_MAC_CTX_set_params(mac, params) != 1 ||
	    !start_cipher(s, cipher, k.cipher_key, iv, encrypt))
		result = 0;
	OPENSSL_cleanse(&k, sizeof k);
	OPENSSL_cleanse(&newest, sizeof newest);
	return result;
}

/* --- a server's store: by the id of the session */

static void
server_key(struct buf *b, const struct tls_context *c,
    const unsigned char *id, unsigned len)
{
	text_hex(b, id, len);
	buf_addf(b, "&s=%s", c->set.id_context != NULL ? c->set.id_context :
	    "");
}

static void
save(const struct tls_context *c, const char *key, SSL_SESSION *session)
{
	int	       len = i2d_SSL_SESSION(session, NULL);
	unsigned char *bytes, *end;

	if (len <= 0 || len > SESSION_MAX)
		return;
	end = bytes = mem_alloc((size_t)len);
	i2d_SSL_SESSION(session, &end);
	c->set.store.save(key, bytes, (size_t)len);
	OPENSSL_cleanse(bytes, (size_t)len);
	mem_free(bytes);
}

static SSL_SESSION *
load(const struct tls_context *c, const char *key)
{
	struct buf	     b = BUF_INIT;
	const unsigned char *p;
	SSL_SESSION	    *session = NULL;

	if (c->set.store.load(key, &b)) {
		p = (const unsigned char *)b.data;
		session = d2i_SSL_SESSION(NULL, &p, (long)b.len);
		OPENSSL_cleanse(b.data, b.len);
	}
	buf_done(&b);
	ERR_clear_error();
	return session;
}

static SSL_SESSION *
server_find(SSL *ssl, const unsigned char *id, int len, int *copy)
{
	const struct tls_context *c = tls_of(ssl)->context;
	struct buf		  key = BUF_INIT;
	SSL_SESSION		 *session;

	*copy = 0;
	server_key(&key, c, id, (unsigned)len);
	session = load(c, key.data);
	buf_done(&key);
	return session;
}

/* Called by OpenSSL: sessions are saved later, outside of it. */
static int
new_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *t = tls_of(ssl);

	if (t == NULL || (!t->info.server && t->session_key == NULL))
		return 0;
	if (t->to_save != NULL)
		SSL_SESSION_free(t->to_save);
	t->to_save = session;
	return 1;
}

void
tls_resume_keep(struct tls *t)
{
	SSL_SESSION	    *session = t->to_save;
	struct buf	     key = BUF_INIT;
	const unsigned char *id;
	unsigned	     len;

	if (session == NULL)
		return;
	t->to_save = NULL;
	if (t->info.server) {
		id = SSL_SESSION_get_id(session, &len);
		server_key(&key, t->context, id, len);
		save(t->context, key.data, session);
	} else if (SSL_SESSION_is_resumable(session)) {
		save(t->context, t->session_key, session);
	}
	SSL_SESSION_free(session);
	buf_done(&key);
}

/* --- contexts */

static bool
knows_cipher(const struct tls_settings *s)
{
	const char	 *name = s->tickets.cipher;
	const EVP_CIPHER *cipher;

	if (name == NULL || *name == '\0')
		return true;
	cipher = EVP_get_cipherbyname(name);
	if (cipher != NULL && EVP_CIPHER_get_key_length(cipher) <= 32)
		return true;
	tls_say(true, "tls_session_ticket_cipher: invalid value: %s; session "
	    "tickets disabled", name);
	return false;
}

static void
set_server(struct tls_context *c)
{
	const struct tls_settings *s = &c->set;
	struct buf		   text = BUF_INIT;
	unsigned char		   id[EVP_MAX_MD_SIZE];
	size_t			   n;
	bool			   tickets = s->tickets.find != NULL &&
	    s->session_seconds > 0 && knows_cipher(s);

	buf_addf(&text, "%s %d", s->id_context != NULL ? s->id_context : "",
	    s->ask_cert);
	if (EVP_Q_digest(NULL, "SHA256", NULL, text.data, text.len, id,
	    &n) == 1)
		SSL_CTX_set_session_id_context(c->ssl, id,
		    n < SSL_MAX_SID_CTX_LENGTH ? (unsigned)n :
		    SSL_MAX_SID_CTX_LENGTH);
	buf_done(&text);
	if (tickets) {
		SSL_CTX_set_tlsext_ticket_key_evp_cb(c->ssl, ticket_key);
		SSL_CTX_set_num_tickets(c->ssl, 1);
	} else {
		SSL_CTX_set_options(c->ssl, SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(c->ssl, 0);
	}
	if (s->store.load != NULL && s->session_seconds > 0) {
		SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_SERVER |
		    SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
		SSL_CTX_sess_set_get_cb(c->ssl, server_find);
		SSL_CTX_sess_set_new_cb(c->ssl, new_session);
	} else {
		/* without a cache OpenSSL gives no session ids */
		SSL_CTX_set_session_cache_mode(c->ssl, s->always_session_ids ?
		    SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL :
		    SSL_SESS_CACHE_OFF);
	}
}

void
tls_resume_set(struct tls_context *c)
{
	const struct tls_settings *s = &c->set;

	if (s->session_seconds > 0)
		SSL_CTX_set_timeout(c->ssl, s->session_seconds);
	if (s->server) {
		set_server(c);
	} else if (s->store.load != NULL && s->session_seconds > 0) {
		SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_CLIENT |
		    SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
		SSL_CTX_sess_set_new_cb(c->ssl, new_session);
	} else {
		SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
	}
}

/* --- a client's offer */

/* All that the result of the verification hangs on. */
static void
client_key(struct buf *key, const struct tls_connect *w)
{
	const struct tls_strength *s = &w->strength;
	struct buf		   b = BUF_INIT;

	buf_addf(&b, "%d %d %d %d %u %d %s ", w->level, w->rpk,
	    s->protocols.min, s->protocols.max, s->protocols.off, s->grade,
	    s->exclude != NULL ? s->exclude : "");
	buf_addf(&b, "%s %s %s", w->host != NULL ? w->host : "",
	    w->sni != NULL ? w->sni : "",
	    w->anchor_files != NULL ? w->anchor_files : "");
	for (const char *const *m = w->match; m != NULL && *m != NULL; m++)
		buf_addf(&b, " %s", *m);
	for (size_t i = 0; i < w->tlsa_count; i++) {
		const struct tlsa *r = &w->tlsa[i];

		buf_addf(&b, " %d %d %d ", r->usage, r->selector, r->matching);
		text_hex(&b, r->data, r->len);
	}
	buf_addf(key, "%s&h=", w->session_key);
	digest_hex(key, &b);
	buf_done(&b);
}

void
tls_resume_offer(struct tls *t, const struct tls_connect *w)
{
	const struct tls_context *c = t->context;
	struct buf		  key = BUF_INIT;
	SSL_SESSION		 *session;
	time_t			  now = time(NULL), made;

	if (w->session_key == NULL || c->set.store.load == NULL ||
	    c->set.session_seconds <= 0)
		return;
	client_key(&key, w);
	t->session_key = buf_take(&key);
	session = load(c, t->session_key);
	if (session == NULL)
		return;
	made = (time_t)SSL_SESSION_get_time(session);
	if (made <= now && now - made < c->set.session_seconds)
		SSL_set_session(t->ssl, session);
	else
		c->set.store.forget(t->session_key);
	SSL_SESSION_free(session);
}
