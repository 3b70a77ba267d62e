/*
 * tls_cert - keys, certificates and authorities, from files and text
 *
 * In a chain file each key comes before its certificate, so that a file that
 * is read while someone replaces it can't give the key of one and the
 * certificate of the other: a pair that does not fit is refused.
 */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "net/tls_int.h"
#include "util/file.h"
#include "util/text.h"

enum { PEM_MAX = 1024 * 1024 };	/* bytes of a file with keys or chains */

void
tls_chain_free(struct tls_chain *c)
{
	struct tls_chain *next;

	for (; c != NULL; c = next) {
		next = c->next;
		EVP_PKEY_free(c->key);
		X509_free(c->cert);
		sk_X509_pop_free(c->others, X509_free);
		mem_free(c->text);
		mem_free(c);
	}
}

/* --- PEM */

/* Chains under construction: the last one is `at`. */
struct reader {
	const char	 *name;		/* of the file at hand */
	struct tls_chain *first, *at;
	bool		  want_keys, want_certs;
	int		  index;	/* of the object in the file, from 1 */
	const char	 *key_name;	/* where the last key was */
	int		  key_index;
	bool		  told;		/* what is wrong */
};

static bool
wrong(struct reader *r, const char *what)
{
	tls_say(true, "error loading chain from %s: %s", r->name, what);
	tls_say_errors();
	r->told = true;
	return false;
}

/* The last key must have its certificate. */
static bool
end_chain(struct reader *r)
{
	if (r->at == NULL || r->at->cert != NULL)
		return true;
	tls_say(true, "No certs for key at index %d in %s", r->key_index,
	    r->key_name);
	r->told = true;
	return false;
}

static bool
take_key(struct reader *r, const unsigned char *der, long len)
{
	struct tls_chain *c;

	if (!r->want_keys)
		return true;
	if (!end_chain(r))
		return false;
	c = NEW(struct tls_chain);
	if (r->at != NULL)
		r->at->next = c;
	else
		r->first = c;
	r->at = c;
	r->key_name = r->name;
	r->key_index = r->index;
	c->key = d2i_AutoPrivateKey(NULL, &der, len);
	return c->key != NULL || wrong(r, "malformed private key");
}

static bool
take_cert(struct reader *r, const unsigned char *der, long len)
{
	X509 *x;

	if (!r->want_certs)
		return true;
	if (r->at == NULL)
		return wrong(r, "key not first");
	if ((x = d2i_X509(NULL, &der, len)) == NULL)
		return wrong(r, "malformed certificate");
	if (r->at->cert == NULL) {
		r->at->cert = x;
		if (X509_check_private_key(x, r->at->key) == 1)
			return true;
		/* of a pair of files the caller says so */
		if (r->want_keys)
			tls_say(true, "key at index %d in %s does not match "
			    "next certificate", r->key_index, r->key_name);
		r->told = true;
		return false;
	}
	if (r->at->others == NULL)
		r->at->others = sk_X509_new_null();
	if (r->at->others == NULL || sk_X509_push(r->at->others, x) <= 0) {
		X509_free(x);
		return wrong(r, "out of memory");
	}
	return true;
}

static bool
take_object(struct reader *r, const char *type, const char *header,
    const unsigned char *der, long len)
{
	r->index++;
	if (strstr(header, "ENCRYPTED") != NULL ||
	    text_eq(type, "ENCRYPTED PRIVATE KEY"))
		return !r->want_keys || wrong(r, "the private key is "
		    "encrypted");
	if (text_ends_nocase(type, "PRIVATE KEY"))
		return take_key(r, der, len);
	if (text_eq(type, "CERTIFICATE") ||
	    text_eq(type, "X509 CERTIFICATE"))
		return take_cert(r, der, len);
	if (text_ends_nocase(type, "PARAMETERS"))
		return true;
	return wrong(r, "unexpected PEM object");
}

/* False when that was told. */
static bool
read_pem(struct reader *r, const char *pem, size_t len)
{
	BIO	      *bio = BIO_new_mem_buf(pem, (int)len);
	char	      *type, *header;
	unsigned char *der;
	long	       n;
	bool	       good = bio != NULL;

	ERR_clear_error();
	r->index = 0;
	while (good && PEM_read_bio(bio, &type, &header, &der, &n) == 1) {
		good = take_object(r, type, header, der, n);
		OPENSSL_clear_free(der, (size_t)n);
		CRYPTO_free(type, __FILE__, __LINE__);
		CRYPTO_free(header, __FILE__, __LINE__);
	}
	BIO_free(bio);
	if (!good)
		return false;
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return wrong(r, "damaged PEM");
	ERR_clear_error();
	if (r->index > 0)
		return true;
	tls_say(true, "No PEM data in %s", r->name);
	r->told = true;
	return false;
}

struct tls_chain *
tls_chain_parse(const char *name, const char *pem, size_t len)
{
	struct reader r = { .name = name, .want_keys = true,
	    .want_certs = true };

	if (read_pem(&r, pem, len) && end_chain(&r) && r.first != NULL)
		return r.first;
	if (!r.told)
		wrong(&r, "no private key");
	tls_say_errors();
	tls_chain_free(r.first);
	return NULL;
}

/* --- files */

void
tls_note_file(struct tls_context *c, const char *path)
{
	struct tls_file *f;
	struct stat	 st;

	for (size_t i = 0; i < c->file_count; i++)
		if (text_eq(c->files[i].path, path))
			return;
	c->files = mem_realloc(c->files,
	    (c->file_count + 1) * sizeof *c->files);
	c->paths = mem_realloc(c->paths,
	    (c->file_count + 2) * sizeof *c->paths);
	f = &c->files[c->file_count];
	*f = (struct tls_file){ .path = pool_strdup(&c->pool, path) };
	c->paths[c->file_count++] = f->path;
	c->paths[c->file_count] = NULL;
	if (stat(path, &st) != 0)
		return;
	f->seconds = st.st_mtim.tv_sec;
	f->nanoseconds = st.st_mtim.tv_nsec;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->size = (uint64_t)st.st_size;
}

bool
tls_context_is_stale(const struct tls_context *c)
{
	struct stat st;

	for (size_t i = 0; i < c->file_count; i++) {
		const struct tls_file *f = &c->files[i];

		/* out of sight in a chroot: no news */
		if (stat(f->path, &st) != 0)
			continue;
		if (st.st_mtim.tv_sec != f->seconds ||
		    st.st_mtim.tv_nsec != f->nanoseconds ||
		    st.st_dev != f->dev || st.st_ino != f->ino ||
		    (uint64_t)st.st_size != f->size)
			return true;
	}
	return false;
}

const char *const *
tls_context_files(const struct tls_context *c)
{
	static const char *const none[] = { NULL };

	return c->paths != NULL ? c->paths : none;
}

/* Noted before it is read: a change in between is seen later. */
static bool
read_file(struct tls_context *c, const char *path, struct buf *text)
{
	tls_note_file(c, path);
	return file_read(path, PEM_MAX, text);
}

static void
forget(struct buf *b)
{
	OPENSSL_cleanse(b->data, b->len);
	buf_done(b);
}

static bool
use_chains(struct tls_context *c, const char *name, struct tls_chain *chain)
{
	for (; chain != NULL; chain = chain->next) {
		if (SSL_CTX_use_cert_and_key(c->ssl, chain->cert, chain->key,
		    chain->others, 1) != 1) {
			tls_say(true, "error loading chain from %s", name);
			tls_say_errors();
			return false;
		}
		c->has_cert = true;
	}
	return true;
}

/* A file that isn't there is told and left out: handshakes fail, if it had the
 * only key, and mail without TLS goes on. */
static bool
load_chain_files(struct tls_context *c)
{
	char	     *copy = mem_strdup(c->set.chain_files), *next = copy;
	struct reader r = { .want_keys = true, .want_certs = true };
	struct buf    text = BUF_INIT;
	bool	      good = true;
	char	     *path;

	while (good && (path = text_word(&next, TEXT_LIST_SEP,
	    false)) != NULL) {
		r.name = path;
		buf_clear(&text);
		if (!read_file(c, path, &text)) {
			tls_say(true, "error opening chain file: %s: %s", path,
			    strerror(errno));
			break;
		}
		good = read_pem(&r, text.data, text.len);
	}
	good = good && end_chain(&r) && use_chains(c, r.name, r.first);
	if (!good) {
		tls_say_errors();
		tls_say(true, "error loading private keys and certificates "
		    "from: %s: disabling TLS support", c->set.chain_files);
	}
	tls_chain_free(r.first);
	forget(&text);
	mem_free(copy);
	return good;
}

static bool
is_set(const char *path)
{
	return path != NULL && *path != '\0';
}

static bool
cannot_get(const char *type, const char *what, const char *path)
{
	tls_say(true, "cannot get %s %s from file \"%s\": disabling TLS "
	    "support", type, what, path);
	tls_say_errors();
	return false;
}

/* `type` NULL: key and certificate are in one file. */
static bool
open_pair_file(struct tls_context *c, const char *type, const char *what,
    const char *path, struct buf *text)
{
	int error;

	buf_clear(text);
	if (read_file(c, path, text))
		return true;
	error = errno;
	if (type == NULL) {
		tls_say(true, "error opening chain file: %s: %s", path,
		    strerror(error));
		return false;
	}
	cannot_get(type, what, path);
	tls_say(true, "open %s: %s", path, strerror(error));
	return false;
}

static bool
load_pair(struct tls_context *c, const struct tls_files *f, const char *type)
{
	const char   *key_path = is_set(f->key) ? f->key : f->cert;
	struct reader r = { .name = key_path, .want_keys = true };
	struct buf    text = BUF_INIT;
	const char   *apart;
	bool	      good = false;

	if (!is_set(f->cert))
		return true;
	apart = text_eq(key_path, f->cert) ? NULL : type;
	if (!open_pair_file(c, apart, "private key", key_path, &text))
		return false;
	if (!read_pem(&r, text.data, text.len) || r.first == NULL) {
		cannot_get(type, "private key", key_path);
	} else if (open_pair_file(c, apart, "certificate", f->cert, &text)) {
		r.name = f->cert;
		r.want_keys = false;
		r.want_certs = true;
		good = read_pem(&r, text.data, text.len) &&
		    r.at->cert != NULL;
		if (good)
			good = use_chains(c, f->cert, r.first);
		else if (r.at->cert != NULL)	/* and it does not fit */
			cannot_get(type, "private key", key_path);
		else
			cannot_get(type, "certificate", f->cert);
	}
	tls_chain_free(r.first);
	forget(&text);
	return good;
}

bool
tls_cert_load(struct tls_context *c)
{
	const struct tls_settings *s = &c->set;

	if (is_set(s->chain_files))
		return load_chain_files(c);
	if (s->rsa.cert != NULL && text_eq_nocase(s->rsa.cert, "none"))
		return true;
	return load_pair(c, &s->rsa, "RSA") && load_pair(c, &s->dsa, "DSA") &&
	    load_pair(c, &s->ecdsa, "ECDSA");
}

/* --- authorities */

bool
tls_trust_load(struct tls_context *c)
{
	const struct tls_settings *s = &c->set;
	bool			   file = is_set(s->ca_file);
	bool			   dir = is_set(s->ca_path);

	if (file)
		tls_note_file(c, s->ca_file);
	if ((file && SSL_CTX_load_verify_file(c->ssl, s->ca_file) != 1) ||
	    (dir && SSL_CTX_load_verify_dir(c->ssl, s->ca_path) != 1)) {
		tls_say(false, "cannot load Certification Authority data, "
		    "%s%s%s%s%s: disabling TLS support",
		    file ? "CAfile=\"" : "", file ? s->ca_file : "",
		    file ? "\"" : "", dir ? (file ? ", CApath=\"" :
		    "CApath=\"") : "", dir ? s->ca_path : "");
		tls_say_errors();
		return false;
	}
	if ((file || dir) && tls_process.with.append_default_ca &&
	    SSL_CTX_set_default_verify_paths(c->ssl) != 1)
		tls_say_errors();
	if (s->server && s->ask_cert && file) {
		STACK_OF(X509_NAME) *names =
		    SSL_load_client_CA_file(s->ca_file);

		if (names != NULL)
			SSL_CTX_set_client_CA_list(c->ssl, names);
	}
	ERR_clear_error();
	return true;
}
