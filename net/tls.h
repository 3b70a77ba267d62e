/* tls - TLS for streams, over OpenSSL 3 */

#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct stream;

/*
 * libssl is loaded by tls_start() and not before: a program that never uses
 * TLS pays nothing.  The rest in three steps:
 *
 *	tls_start()		once a process, before its jail
 *	tls_context_new()	keys, certificates and authorities are read:
 *				once for each set of files, before the jail
 *	tls_accept(), tls_connect()	a handshake; then the stream reads and
 *				writes as before, encrypted
 *
 * All values come as arguments.  Nothing here logs by itself but through the
 * function given to tls_start().
 */

/* --- the library */

typedef void tls_log_fn(bool is_warning, const char *text);

/* The tls_* parameters, as they are in main.cf; NULL: the default of OpenSSL
 * or nothing.  The strings must live as long as the process. */
struct tls_library {
	const char	*config_file, *config_name;
	const char	*high_ciphers, *medium_ciphers, *null_ciphers;
	const char	*auto_curves, *strong_curve, *ultra_curve;
	const char	*ffdhe_groups;
	const char	*disable_workarounds, *ssl_options;
	const char	*dane_digests;
	bool		 append_default_ca;
	bool		 preempt_ciphers;
	bool		 wildcard_many_labels;
	tls_log_fn	*log;		/* NULL: nobody listens */
};

/* True at once if it has been called before.  False: there is no TLS in this
 * process; *ret_why says why, and the next call tries again. */
bool	tls_start(const struct tls_library *, const char **ret_why);

/* --- words of the configuration, parsed without OpenSSL */

enum tls_level {
	TLS_LEVEL_BAD = -1,		/* unknown word */
	TLS_LEVEL_NONE,
	TLS_LEVEL_MAY,			/* if the other side can */
	TLS_LEVEL_ENCRYPT,		/* always, with whomever */
	TLS_LEVEL_FINGERPRINT,		/* with the key we know */
	TLS_LEVEL_HALF_DANE,		/* dane, host is not signed: tlsproxy */
	TLS_LEVEL_DANE,			/* DANE if there is a TLSA, else may */
	TLS_LEVEL_DANE_ONLY,
	TLS_LEVEL_VERIFY,		/* trusted, name of the MX host */
	TLS_LEVEL_SECURE,		/* trusted, name of the next hop */
};

enum tls_level	 tls_level_parse(const char *word);
const char	*tls_level_name(enum tls_level);

/*
 * ">=TLSv1.2", "!SSLv2 !SSLv3", "TLSv1.2, TLSv1.3", "<=0304".  min and max are
 * numbers of the protocol (0x0303 is TLS 1.2; 0: no bound), `off` has the bits
 * below.  False with why, static text.
 */
struct tls_protocols {
	int		min, max;
	unsigned	off;
};

enum {
	TLS_OFF_SSL3 = 1, TLS_OFF_TLS1 = 2, TLS_OFF_TLS1_1 = 4,
	TLS_OFF_TLS1_2 = 8, TLS_OFF_TLS1_3 = 16,
};

bool	tls_protocols_parse(struct tls_protocols *, const char *,
	    const char **ret_why);

/* "high", "medium", "null"; the old "low" and "export" are medium. */
enum tls_grade { TLS_GRADE_BAD, TLS_GRADE_NULL, TLS_GRADE_MEDIUM,
	TLS_GRADE_HIGH };

enum tls_grade	tls_grade_parse(const char *word);

/* What a handshake may use: "mandatory" or not is the caller's choice. */
struct tls_strength {
	struct tls_protocols	 protocols;
	enum tls_grade		 grade;
	/* Words for OpenSSL, NULL: none; "aNULL" and "eNULL" are excluded by
	 * themselves where a peer is verified. */
	const char		*exclude;
};

/* --- contexts */

/*
 * Session tickets (RFC 5077) need keys that all workers share.  find() is
 * called within a handshake and may wait as a task.  `name` NULL: the key for
 * new tickets.  False: there is none.
 */
struct tls_ticket_key {
	unsigned char	name[16];
	unsigned char	cipher_key[32], mac_key[32];
	int64_t		expires;	/* time(2) */
};

struct tls_tickets {
	bool		 (*find)(const unsigned char *name,
			    struct tls_ticket_key *);
	const char	*cipher;	/* tls_session_ticket_cipher */
};

/* Where sessions are kept for resumption.  The functions may wait as a task.
 * Keys are bytes of text, values are opaque and secret. */
struct tls_store {
	bool	(*load)(const char *key, struct buf *ret);
	void	(*save)(const char *key, const void *, size_t len);
	void	(*forget)(const char *key);
};

struct tls_files {
	const char	*cert, *key;	/* NULL or "": not there */
};

struct tls_settings {
	bool		 server;

	/* our keys; chain_files go before the pairs, as main.cf says */
	const char	*chain_files;		/* "a.pem, b.pem", or NULL */
	struct tls_files rsa, dsa, ecdsa;	/* rsa.cert "none": no keys */

	/* whom we trust */
	const char	*ca_file, *ca_path;
	int		 verify_depth;

	/* server */
	const char	*eecdh_grade;		/* NULL: "auto" */
	const char	*dh_file;		/* "auto", NULL, PEM file */
	bool		 ask_cert;		/* any session may: names of
						   ca_file are sent */
	bool		 rpk;			/* raw public keys too */
	bool		 always_session_ids;
	const char	*id_context;		/* sessions of others are not
						   resumed: service name */
	/* find(): the key and chain (PEM) for a name that a client asks for.
	 * NULL: no SNI.  May wait as a task.  1 found, 0 not, -1 error. */
	int		(*sni)(const char *name, struct buf *ret_pem);

	const char	*digest;		/* of prints; NULL: sha256 */
	int		 session_seconds;	/* 0: no resumption */
	struct tls_tickets tickets;		/* server; find NULL: none */
	struct tls_store store;			/* load NULL: none */
	int		 log_level;		/* 0 to 4 */
};

struct tls_context;

/*
 * NULL: unusable, logged; ret_why may be NULL.  A chain file that can't be
 * opened is logged and left out.
 */
struct tls_context *tls_context_new(const struct tls_settings *,
		    const char **ret_why);
void		 tls_context_free(struct tls_context *);

/* Is there a key at all? */
bool		 tls_context_has_cert(const struct tls_context *);

/*
 * Files that were read, for who watches them: paths ending with NULL, of the
 * context.  Sessions that began go on when a context is replaced by a new one
 * and freed.
 */
const char *const *tls_context_files(const struct tls_context *);

/* Have the files changed since?  Costs a stat(2) for each. */
bool		 tls_context_is_stale(const struct tls_context *);

/* --- the other side */

enum tls_trust {
	TLS_ANONYMOUS,		/* showed no certificate */
	TLS_UNTRUSTED,
	TLS_TRUSTED,		/* a chain to someone we trust */
	TLS_VERIFIED,		/* and it is who we want */
};

/* Who says so: for logs and tests.  Strings are never NULL. */
struct tls_info {
	bool		 server;		/* our side */
	enum tls_level	 level;			/* client: asked for */
	enum tls_trust	 trust;
	bool		 reused;
	const char	*protocol, *cipher;
	int		 used_bits, full_bits;
	const char	*kex;			/* "x25519", "ECDHE", "DHE" */
	const char	*kex_curve;
	int		 kex_bits;
	/* TLS 1.3; `name` "" for none */
	struct tls_signature {
		const char	*name, *curve, *digest;
		int		 bits;
	} server_sig, client_sig;

	bool		 has_cert, has_rpk;	/* of the peer */
	const char	*peer_cn, *issuer_cn;
	const char	*subject, *issuer;	/* one line, "/O=x/CN=y" */
	const char	*cert_print, *key_print; /* "AB:CD:..." */
	const char	*sni;			/* the name asked for */

	/* verification: X509_V_* of OpenSSL and its text, 0 is well */
	long		 verify_error;
	const char	*verify_text;
};

/* "Anonymous", "Untrusted", "Trusted", "Verified" */
const char	*tls_trust_name(enum tls_trust);

/* "TLSv1.3 with cipher X (256/256 bits) key-exchange x25519 ..." */
void		 tls_info_text(struct buf *, const struct tls_info *);

/* The line of smtpd_tls_loglevel = 1: "Anonymous TLS connection established
 * from PEER: ...". */
void		 tls_info_log_line(struct buf *, const struct tls_info *,
		    const char *peer);

/* What goes between the first line of Received: and "by", each line with tab
 * and CRLF; `asked`: a certificate was asked for. */
void		 tls_info_received(struct buf *, const struct tls_info *,
		    bool asked);

/* "AB:CD:..." of bytes in a digest that OpenSSL knows; false if it does not. */
bool		 tls_fingerprint(struct buf *, const char *digest,
		    const void *, size_t len);

/* --- handshakes */

/*
 * A task waits in them until `deadline` (clock_ms).  The stream's output must
 * be flushed; input that is buffered is taken for the handshake's, so where
 * it may have come in the clear (STARTTLS), throw it away before.  NULL: the
 * handshake failed, was logged if there is something to say, and the stream
 * has failed with it.  Otherwise facts that live until the stream is closed.
 */
struct tls_accept {
	const char		*peer;		/* "name[ip]", for the log */
	struct tls_strength	 strength;
	bool			 ask_cert, require_cert;
	int64_t			 deadline;
};

const struct tls_info *tls_accept(struct tls_context *, struct stream *,
		    const struct tls_accept *);

/* A TLSA record (RFC 6698). */
struct tlsa {
	uint8_t		 usage, selector, matching;
	const uint8_t	*data;
	size_t		 len;
};

/* What the log shows besides that of its level; 2 has all of it. */
enum tls_say {
	TLS_SAY_CERT = 1,	/* of whom the certificate is, fingerprints */
	TLS_SAY_MATCH = 2,	/* that, and why it is believed */
	TLS_SAY_UNTRUSTED = 4,	/* why not, where it does not matter, too */
};

/*
 * A client's wishes.  With TLS_LEVEL_FINGERPRINT `match` has fingerprints
 * ("AB:CD:..", separators optional) of certificates or keys; with VERIFY and
 * SECURE host names: "example.com" itself, ".example.com" anything below.
 * With DANE levels `tlsa`, whose base domain is `host`; `match` may have more
 * names (the next hop's) for records of authorities (usage 2).
 *
 * A certificate that does not fit is no failure of the handshake: look at
 * info->trust, which is TLS_VERIFIED, or mail must not go; see
 * tls_info_is_enough().
 */
struct tls_connect {
	const char		*peer;		/* "name[ip]:port", for logs */
	enum tls_level		 level;
	struct tls_strength	 strength;
	const char		*host;		/* name of the server */
	const char		*sni;		/* NULL: none is sent */
	const char *const	*match;		/* ends with NULL, or NULL */
	const struct tlsa	*tlsa;
	size_t			 tlsa_count;
	/* Trust anchors in PEM files instead of the context's authorities;
	 * "a, b" or NULL.  In a jail they must be readable. */
	const char		*anchor_files;
	bool			 rpk;		/* we know keys, not names */
	/* Under what the session is kept in the context's store: the server.
	 * The settings above that must not differ are added here.  NULL: no
	 * resumption. */
	const char		*session_key;
	int			 log_level;	/* -1: the context's */
	unsigned		 say;		/* enum tls_say */
	int64_t			 deadline;
};

const struct tls_info *tls_connect(struct tls_context *, struct stream *,
		    const struct tls_connect *);

/* Is the peer what the level asks for? */
bool		 tls_info_is_enough(const struct tls_info *);

/* Files for `anchor_files`: false if one can't be read, which was logged, or
 * has no certificate. */
bool	tls_anchors_are_good(const char *files);

/* Of a stream after tls_accept() or tls_connect(); NULL: it is in the clear. */
const struct tls_info *tls_stream_info(const struct stream *);

/* Adds the certificates that a server has sent, as PEM with who, by whom and
 * fingerprints above each; for a person to read. */
void		 tls_stream_chain(const struct stream *, struct buf *ret_pem);

/* Has it a usage, a selector and a digest that we know, and data of that
 * kind? */
bool		 tlsa_is_usable(const struct tlsa *);

/* "3 1 1 0123AB..." */
void		 tlsa_text(struct buf *, const struct tlsa *);

#endif
