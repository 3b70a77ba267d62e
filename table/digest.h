/* digest - message digests for keys, by OpenSSL, loaded when first asked */

#ifndef TABLE_DIGEST_H
#define TABLE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* False if OpenSSL knows none of that name, or can't be loaded. */
bool	digest_is_known(const char *name);

/* Adds the digest in lower-case hex; false as above. */
bool	digest_hex(struct buf *out, const char *name, const void *, size_t len);

/* Adds the bytes of an HMAC (RFC 2104); false as above. */
bool	digest_hmac(struct buf *out, const char *name, const void *key,
	    size_t key_len, const void *, size_t len);

#endif
