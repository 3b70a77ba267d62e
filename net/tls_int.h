/* tls_int - inside of TLS; for net/tls_*.c only */

#ifndef NET_TLS_INT_H
#define NET_TLS_INT_H

#include "net/tls.h"
#include "net/tls_lib.h"
#include "util/buf.h"
#include "util/map.h"
#include "util/mem.h"

/* The process: set once by tls_start(). */
struct tls_process {
	bool			 started;
	struct tls_library	 with;
	BIO_METHOD		*bio_method;
	int			 index;		/* of struct tls in an SSL */
	uint64_t		 options_on, options_off;
};

extern struct tls_process tls_process;

struct tls_file {
	char		*path;
	int64_t		 seconds, nanoseconds;	/* of the last change */
	uint64_t	 dev, ino, size;
};

struct tls_context {
	unsigned		 users;		/* sessions, and the owner */
	struct tls_settings	 set;		/* strings are copies in pool */
	struct pool		 pool;
	SSL_CTX			*ssl;
	bool			 has_cert;
	char			*ciphers;	/* the list of `ssl`; NULL: not
						   set yet */
	struct tls_file		*files;
	const char		**paths;	/* of files, ends with NULL */
	size_t			 file_count;
	struct map		*sni;		/* name -> struct tls_chain */
};

/* One session; the stream owns it. */
struct tls {
	SSL			*ssl;
	struct tls_context	*context;
	int			 fd;		/* the stream's */
	struct buf		 early;		/* read before us: the first of
						   the handshake */
	const char		*peer;
	struct tls_info		 info;
	struct pool		 pool;
	int			 log_level;
	unsigned		 say;		/* enum tls_say */
	bool			 broken;	/* no farewell */
	bool			 peer_ended;

	/* verification, as the callback saw it */
	int			 error;		/* first, X509_V_OK: none */
	bool			 wrong_name;
	bool			 has_names, has_numeric; /* in wish->match */
	const char		*error_issuer;	/* of the one at fault */
	bool			 matched;	/* fingerprint */
	bool			 wants_match;
	bool			 nothing_to_match; /* no name, no print */
	bool			 log_untrusted;
	const struct tls_connect *wish;		/* during the handshake */

	/* a session to be kept, until we are out of OpenSSL */
	SSL_SESSION		*to_save;
	char			*session_key;
};

/* --- words (tls_words.c) */

/* Bits of SSL_OP_*; a warning for what is unknown. */
uint64_t tls_options_parse(const char *parameter, const char *names,
	    bool workarounds);

/* --- saying (tls.c) */

void	tls_say(bool is_warning, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* "TLS library problem: ..." for what is in OpenSSL's queue of errors. */
void	tls_say_errors(void);

/* --- keys and certificates (tls_cert.c) */

/* A key with its certificate and those of the authorities between. */
struct tls_chain {
	EVP_PKEY	*key;
	X509		*cert;
	STACK_OF(X509)	*others;
	struct tls_chain *next;		/* another kind of key */
	char		*text;		/* what it was made of; SNI only */
};

void	tls_chain_free(struct tls_chain *);

/* Chains of PEM text, each key before its certificates; `name` for messages.
 * NULL after a warning. */
struct tls_chain *tls_chain_parse(const char *name, const char *pem,
	    size_t len);

/* Loads what the settings name; files are noted in the context.  False after
 * a warning. */
bool	tls_cert_load(struct tls_context *);
bool	tls_trust_load(struct tls_context *);
void	tls_note_file(struct tls_context *, const char *path);

/* --- the parts of a context */

void	tls_groups_set(struct tls_context *);		/* tls_groups.c */
void	tls_resume_set(struct tls_context *);		/* tls_resume.c */
void	tls_sni_set(struct tls_context *);		/* tls_sni.c */

/* --- resumption (tls_resume.c) */

/* Client: offers a kept session. */
void	tls_resume_offer(struct tls *, const struct tls_connect *);
/* Outside of OpenSSL: keeps what came. */
void	tls_resume_keep(struct tls *);

/* --- verification (tls_verify.c) */

int	tls_verify_callback(int ok, X509_STORE_CTX *);
/* In tls_anchors.c: false if they can't be used, which was logged. */
bool	tls_anchors_use(struct tls *, const char *files);

/* Before a client's handshake; false: can't be done, warned. */
bool	tls_verify_prepare(struct tls *, const struct tls_connect *);
/* After the handshake: info.trust. */
void	tls_verify_judge(struct tls *);
void	tls_verify_log(const struct tls *);

/* --- facts (tls_info.c) */

void	tls_info_fill(struct tls *);
void	tls_info_chain(const struct tls *, struct buf *ret_pem);

/* --- sessions (tls_session.c) */

struct tls *tls_of(const SSL *);

/* --- talkative log levels (tls_trace.c) */

void	tls_trace_begin(struct tls *);
void	tls_trace_bytes(const struct tls *, bool is_read, const void *,
	    size_t len, long result);

#endif
