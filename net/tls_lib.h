/* tls_lib - OpenSSL, loaded when it is needed; for net/tls_*.c only */

#ifndef NET_TLS_LIB_H
#define NET_TLS_LIB_H

#include <stdbool.h>

/* OpenSSL 3.0's calls, which later releases have too. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/*
 * Linking libssl would cost every start of every program that might use TLS
 * some milliseconds.  So tls_lib.def lists the functions that we call; the
 * Makefile makes tls_names.h of it, after which SSL_new() is a call through
 * tls_lib.SSL_new_.  A macro of OpenSSL that ends in a listed function works
 * as well.
 */
struct tls_lib {
	void	*handle;
#define F(name) typeof(name) *name##_;
#include "net/tls_lib.def"
#undef F
	/* Of later releases, NULL if this one has them not. */
	const char *(*get0_group_name)(SSL *);
	int	 (*set1_client_cert_type)(SSL *, const unsigned char *, size_t);
	int	 (*set1_server_cert_type)(SSL *, const unsigned char *, size_t);
	EVP_PKEY *(*get0_peer_rpk)(const SSL *);
	int	 (*get_negotiated_client_cert_type)(const SSL *);
	int	 (*get_negotiated_server_cert_type)(const SSL *);
};

extern struct tls_lib tls_lib;

/* False with why. */
bool	tls_lib_load(const char **ret_why);

#include "tls_names.h"

#endif
