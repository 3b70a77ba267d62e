/*
 * tls_anchors - trust anchors of one's own choice
 *
 * The certificates and public keys of some files are all that a chain may hang
 * on, as with TLSA records of usage 2 and in the same way: OpenSSL takes whole
 * ones too, and finds a chain that ends at an anchor which the server left out.
 * The server's own will do as well (usage 3), but here its name counts.
 */

#include <errno.h>
#include <string.h>

#include "net/tls_int.h"
#include "util/file.h"
#include "util/text.h"

enum {
	ANCHORS_MAX = 1024 * 1024,	/* bytes of a file */
	USAGE_ANCHOR = 2, USAGE_OWN = 3, SELECT_CERT = 0, SELECT_KEY = 1, WHOLE = 0,
};

/* Adds to the handshake, unless that is NULL.  Takes the encoding. */
static bool
add(struct tls *t, uint8_t selector, unsigned char *der, int len)
{
	bool ok = len > 0;

	for (uint8_t usage = USAGE_ANCHOR; ok && t != NULL &&
	    usage <= USAGE_OWN; usage++)
		ok = SSL_dane_tlsa_add(t->ssl, usage, selector, WHOLE, der,
		    (size_t)len) > 0;

	CRYPTO_free(der, __FILE__, __LINE__);
	return ok;
}

static size_t
add_certs(struct tls *t, const struct buf *text)
{
	BIO   *bio = BIO_new_mem_buf(text->data, (int)text->len);
	X509  *x;
	size_t count = 0;

	while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		unsigned char *der = NULL;
		int	       len = i2d_X509(x, &der);

		count += add(t, SELECT_CERT, der, len);
		X509_free(x);
	}
	BIO_free(bio);
	return count;
}

static size_t
add_keys(struct tls *t, const struct buf *text)
{
	BIO	 *bio = BIO_new_mem_buf(text->data, (int)text->len);
	EVP_PKEY *key;
	size_t	  count = 0;

	while ((key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL)) != NULL) {
		unsigned char *der = NULL;
		int	       len = i2d_PUBKEY(key, &der);

		count += add(t, SELECT_KEY, der, len);
		EVP_PKEY_free(key);
	}
	BIO_free(bio);
	return count;
}

/* False, and logged, if a file can't be read; false too if it has nothing. */
static bool
read_file(struct tls *t, const char *path)
{
	struct buf text = BUF_INIT;
	size_t	   count;

	if (!file_read(path, ANCHORS_MAX, &text)) {
		tls_say(true, "error opening trust anchor file: %s: %s", path,
		    strerror(errno));
		buf_done(&text);
		return false;
	}
	count = add_certs(t, &text) + add_keys(t, &text);
	ERR_clear_error();
	buf_done(&text);
	return count > 0;
}

static bool
read_files(struct tls *t, const char *files)
{
	char *copy = mem_strdup(files), *next = copy, *path;
	bool  good = true;

	while (good && (path = text_word(&next, TEXT_LIST_SEP, false)) != NULL)
		good = read_file(t, path);
	mem_free(copy);
	return good;
}

bool
tls_anchors_are_good(const char *files)
{
	return read_files(NULL, files);
}

bool
tls_anchors_use(struct tls *t, const char *files)
{
	/* no name of its own: those that may be are added by the caller */
	if (SSL_dane_enable(t->ssl, NULL) <= 0)
		return false;
	SSL_dane_clear_flags(t->ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	return read_files(t, files);
}
