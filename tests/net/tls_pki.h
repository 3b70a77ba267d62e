/* tls_pki - a small authority for tests, in a directory of its own */

#ifndef TESTS_NET_TLS_PKI_H
#define TESTS_NET_TLS_PKI_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* Linked directly: a test needs more of OpenSSL than we do. */
static char pki_dir[] = "/tmp/tls_pki.XXXXXX";

static inline const char *
pki_path(const char *name)
{
	static char paths[16][200];
	static int  at;
	char	   *path = paths[at++ % 16];

	snprintf(path, sizeof paths[0], "%s/%s", pki_dir, name);
	return path;
}

static inline void
pki_add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX	ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (e == NULL)
		abort();
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

struct pki {
	EVP_PKEY	*key;
	X509		*cert;
};

/*
 * A certificate for `cn` with `names` ("DNS:a.example,DNS:*.b.example", or
 * NULL for an authority), signed by `by` (NULL: by itself), valid for `days`
 * from yesterday on; `type` as "RSA", "EC", "ED25519".
 */
static inline struct pki
pki_make(const char *cn, const char *names, const struct pki *by,
    const char *type, int days)
{
	struct pki	p;
	static long	serial = 100;
	X509_NAME      *name;
	EVP_PKEY       *signer;

	p.key = strcmp(type, "RSA") == 0 ? EVP_RSA_gen(2048) :
	    strcmp(type, "EC") == 0 ? EVP_EC_gen("P-256") :
	    EVP_PKEY_Q_keygen(NULL, NULL, type);
	p.cert = X509_new();
	X509_set_version(p.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(p.cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(p.cert), -2 * 86400);
	X509_gmtime_adj(X509_getm_notAfter(p.cert), 86400L * days);
	X509_set_pubkey(p.cert, p.key);
	name = X509_NAME_new();
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
	    (const unsigned char *)"Tests", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0);
	X509_set_subject_name(p.cert, name);
	X509_NAME_free(name);
	X509_set_issuer_name(p.cert, X509_get_subject_name(by != NULL ?
	    by->cert : p.cert));
	pki_add_extension(p.cert, by != NULL ? by->cert : p.cert,
	    NID_basic_constraints, names == NULL ? "critical,CA:TRUE" :
	    "CA:FALSE");
	if (names != NULL)
		pki_add_extension(p.cert, by != NULL ? by->cert : p.cert,
		    NID_subject_alt_name, names);
	signer = by != NULL ? by->key : p.key;
	X509_sign(p.cert, signer, EVP_PKEY_get_base_id(signer) ==
	    EVP_PKEY_ED25519 ? NULL : EVP_sha256());
	return p;
}

/* "key cert cert ..." into a file; `key` NULL: certificates only. */
static inline const char *
pki_write(const char *file, EVP_PKEY *key, X509 *cert, X509 *cert2)
{
	const char *path = pki_path(file);
	FILE	   *f = fopen(path, "w");

	if (f == NULL)
		abort();
	if (key != NULL)
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	if (cert != NULL)
		PEM_write_X509(f, cert);
	if (cert2 != NULL)
		PEM_write_X509(f, cert2);
	fclose(f);
	return path;
}

static inline void
pki_free(struct pki *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->cert);
}

static inline void
pki_start(void)
{
	if (mkdtemp(pki_dir) == NULL)
		abort();
}

static inline void
pki_end(void)
{
	char command[200];

	snprintf(command, sizeof command, "rm -rf '%s'", pki_dir);
	if (system(command) != 0)
		fprintf(stderr, "rm failed\n");
}

#endif
