#include "table/digest.h"

#include <dlfcn.h>
#include <openssl/evp.h>

#include "util/buf.h"
#include "util/text.h"

/*
 * Every program has the tables, few have such a key: linking libcrypto would
 * cost each start of postmap more than all else that it does.
 */
static struct {
	bool	tried, ready;
	EVP_MD *(*fetch)(OSSL_LIB_CTX *, const char *, const char *);
	void	(*release)(EVP_MD *);
	int	(*digest)(OSSL_LIB_CTX *, const char *, const char *,
		    const void *, size_t, unsigned char *, size_t *);
	unsigned char *(*mac)(OSSL_LIB_CTX *, const char *, const char *,
		    const char *, const OSSL_PARAM *, const void *, size_t,
		    const unsigned char *, size_t, unsigned char *, size_t,
		    size_t *);
} crypto;

static bool
load(void)
{
	void *lib;

	if (crypto.tried)
		return crypto.ready;
	crypto.tried = true;
	lib = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
	if (lib == NULL)
		return false;
	*(void **)&crypto.fetch = dlsym(lib, "EVP_MD_fetch");
	*(void **)&crypto.release = dlsym(lib, "EVP_MD_free");
	*(void **)&crypto.digest = dlsym(lib, "EVP_Q_digest");
	*(void **)&crypto.mac = dlsym(lib, "EVP_Q_mac");
	crypto.ready = crypto.mac != NULL && crypto.fetch != NULL &&
	    crypto.release != NULL && crypto.digest != NULL;
	return crypto.ready;
}

bool
digest_is_known(const char *name)
{
	EVP_MD *md;

	if (!load())
		return false;
	md = crypto.fetch(NULL, name, NULL);
	crypto.release(md);
	return md != NULL;
}

bool
digest_hex(struct buf *out, const char *name, const void *bytes, size_t len)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t	      n;

	if (!load() || crypto.digest(NULL, name, NULL, bytes, len, digest,
	    &n) != 1)
		return false;
	text_hex(out, digest, n);
	return true;
}

bool
digest_hmac(struct buf *out, const char *name, const void *key,
    size_t key_len, const void *bytes, size_t len)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	size_t	      n;

	if (!load() || crypto.mac(NULL, "HMAC", NULL, name, NULL, key,
	    key_len, bytes, len, mac, sizeof mac, &n) == NULL)
		return false;
	buf_add(out, mac, n);
	return true;
}
