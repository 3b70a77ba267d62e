/* tls_context - what sessions share: one SSL_CTX with keys and authorities */

#include <string.h>

#include "net/tls_int.h"
#include "util/text.h"

/* --- settings are kept, so their strings are copied */

static const char *
copy(struct tls_context *c, const char *s)
{
	return s != NULL ? pool_strdup(&c->pool, s) : NULL;
}

static void
copy_files(struct tls_context *c, struct tls_files *f)
{
	f->cert = copy(c, f->cert);
	f->key = copy(c, f->key);
}

static void
copy_settings(struct tls_context *c, const struct tls_settings *s)
{
	c->set = *s;
	c->set.chain_files = copy(c, s->chain_files);
	copy_files(c, &c->set.rsa);
	copy_files(c, &c->set.dsa);
	copy_files(c, &c->set.ecdsa);
	c->set.ca_file = copy(c, s->ca_file);
	c->set.ca_path = copy(c, s->ca_path);
	c->set.eecdh_grade = copy(c, s->eecdh_grade);
	c->set.dh_file = copy(c, s->dh_file);
	c->set.id_context = copy(c, s->id_context);
	c->set.digest = pool_strdup(&c->pool, s->digest != NULL ? s->digest :
	    "sha256");
	c->set.tickets.cipher = copy(c, s->tickets.cipher);
}

/* --- making one */

static void
set_options(struct tls_context *c)
{
	const struct tls_process *p = &tls_process;
	uint64_t		  on;

	on = SSL_OP_ALL | SSL_OP_LEGACY_SERVER_CONNECT |
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	    SSL_OP_IGNORE_UNEXPECTED_EOF;
	on &= ~p->options_off;
	on |= p->options_on;
	if (p->with.preempt_ciphers)
		on |= SSL_OP_CIPHER_SERVER_PREFERENCE;
	SSL_CTX_set_options(c->ssl, on);
	/* An idle session gives its buffers back; reading ahead takes a record
	 * with one system call instead of two. */
	SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(c->ssl, 1);
	SSL_CTX_set_quiet_shutdown(c->ssl, 0);
}

/* tls_dane_digests: the first is the best. */
static bool
set_dane(struct tls_context *c)
{
	const char *names = tls_process.with.dane_digests;
	char	   *text, *next, *word;
	uint8_t	    order;

	if (SSL_CTX_dane_enable(c->ssl) <= 0)
		return false;
	SSL_CTX_dane_set_flags(c->ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	if (names == NULL)
		return true;
	SSL_CTX_dane_mtype_set(c->ssl, NULL, 1, 0);
	SSL_CTX_dane_mtype_set(c->ssl, NULL, 2, 0);
	next = text = mem_strdup(names);
	order = 99;
	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL) {
		char	     *number = strchr(word, '=');
		long	      type = 0;
		const EVP_MD *md;

		if (number != NULL) {
			*number++ = '\0';
			text_to_long(number, 3, 255, &type);
		}
		if (text_eq_nocase(word, "sha256"))
			type = 1;
		else if (text_eq_nocase(word, "sha512"))
			type = 2;
		md = EVP_get_digestbyname(word);
		if (md == NULL || type == 0)
			tls_say(true, "tls_dane_digests: unknown digest "
			    "\"%s\"", word);
		else
			SSL_CTX_dane_mtype_set(c->ssl, md, (uint8_t)type,
			    order--);
	}
	mem_free(text);
	return true;
}

static bool
knows_digest(const char *name)
{
	if (EVP_get_digestbyname(name) != NULL)
		return true;
	tls_say(true, "Digest algorithm \"%s\" not found", name);
	tls_say(true, "disabling TLS support");
	return false;
}

static bool
set_up(struct tls_context *c)
{
	const struct tls_settings *s = &c->set;

	if (!knows_digest(s->digest))
		return false;
	c->ssl = SSL_CTX_new(s->server ? TLS_server_method() :
	    TLS_client_method());
	if (c->ssl == NULL)
		return false;
	set_options(c);
	/* One more: our callback counts, and says so. */
	SSL_CTX_set_verify_depth(c->ssl, s->verify_depth + 1);
	SSL_CTX_set_verify(c->ssl, s->server ? SSL_VERIFY_NONE :
	    SSL_VERIFY_PEER, tls_verify_callback);
	if ((!s->server && !set_dane(c)) || !tls_cert_load(c) ||
	    !tls_trust_load(c))
		return false;
	tls_groups_set(c);
	tls_resume_set(c);
	if (s->sni != NULL)
		tls_sni_set(c);
	return true;
}

struct tls_context *
tls_context_new(const struct tls_settings *s, const char **ret_why)
{
	struct tls_context *c = NEW(struct tls_context);

	c->users = 1;
	copy_settings(c, s);
	ERR_clear_error();
	if (tls_process.started && set_up(c)) {
		ERR_clear_error();
		return c;
	}
	tls_say_errors();
	if (ret_why != NULL)
		*ret_why = "TLS context can't be made";
	tls_context_free(c);
	return NULL;
}

static void
free_chain(void *chain)
{
	tls_chain_free(chain);
}

void
tls_context_free(struct tls_context *c)
{
	if (c == NULL || --c->users > 0)
		return;
	if (c->ssl != NULL)
		SSL_CTX_free(c->ssl);
	if (c->sni != NULL)
		map_free(c->sni, free_chain);
	mem_free(c->ciphers);
	mem_free(c->files);
	mem_free(c->paths);
	pool_done(&c->pool);
	mem_free(c);
}

bool
tls_context_has_cert(const struct tls_context *c)
{
	return c->has_cert;
}
