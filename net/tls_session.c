/*
 * tls_session - handshakes, and a stream over TLS
 *
 *	tls_accept, tls_connect -> begin -> handshake -> finish
 *	                                       |
 *	     stream_set_ops: op_read, op_write, op_close <-'
 *
 * OpenSSL reads and writes through a BIO of our own over the stream's
 * descriptor, so that no write raises SIGPIPE.  Handshakes wait as the stream
 * does: they try first, then wait for what OpenSSL wants.
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "net/tls_int.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

enum { TLS_X509 = 0, TLS_RPK = 2 };	/* certificate types, RFC 7250 */

/* --- the BIO */

static int
bio_read(BIO *bio, char *p, size_t len, size_t *ret)
{
	struct tls *t = BIO_get_data(bio);
	ssize_t	    n;

	BIO_clear_retry_flags(bio);
	if (t->early.len > 0) {
		*ret = len < t->early.len ? len : t->early.len;
		memcpy(p, t->early.data, *ret);
		buf_skip(&t->early, *ret);
		return 1;
	}
	do {
		n = recv(t->fd, p, len, 0);
	} while (n < 0 && errno == EINTR);
	if (t->log_level >= 3)
		tls_trace_bytes(t, true, p, len, n);
	if (n > 0) {
		*ret = (size_t)n;
		return 1;
	}
	*ret = 0;
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_read(bio);
	else if (n == 0)
		t->peer_ended = true;
	return (int)n;
}

static int
bio_write(BIO *bio, const char *p, size_t len, size_t *ret)
{
	struct tls *t = BIO_get_data(bio);
	ssize_t	    n;

	BIO_clear_retry_flags(bio);
	do {
		n = send(t->fd, p, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (t->log_level >= 3)
		tls_trace_bytes(t, false, p, len, n);
	*ret = n > 0 ? (size_t)n : 0;
	if (n > 0)
		return 1;
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_write(bio);
	return (int)n;
}

static long
bio_ctrl(BIO *bio, int command, long number, void *p)
{
	const struct tls *t = BIO_get_data(bio);

	(void)number;
	(void)p;
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_EOF:
		return t != NULL && t->peer_ended;
	default:
		return 0;
	}
}

static BIO *
make_bio(struct tls *t)
{
	struct tls_process *p = &tls_process;
	BIO_METHOD	   *m = p->bio_method;
	BIO		   *bio;

	if (m == NULL) {
		m = BIO_meth_new(BIO_get_new_index() |
		    BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "stream");
		if (m == NULL || !BIO_meth_set_read_ex(m, bio_read) ||
		    !BIO_meth_set_write_ex(m, bio_write) ||
		    !BIO_meth_set_ctrl(m, bio_ctrl))
			return NULL;
		p->bio_method = m;
	}
	if ((bio = BIO_new(m)) == NULL)
		return NULL;
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	return bio;
}

/* --- life */

struct tls *
tls_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, tls_process.index);
}

static void
free_tls(struct tls *t)
{
	if (t->ssl != NULL)
		SSL_free(t->ssl);
	if (t->to_save != NULL)
		SSL_SESSION_free(t->to_save);
	mem_free(t->session_key);
	buf_done(&t->early);
	tls_context_free(t->context);
	pool_done(&t->pool);
	mem_free(t);
}

static const char *
cipher_list(enum tls_grade grade)
{
	const struct tls_library *l = &tls_process.with;

	switch (grade) {
	case TLS_GRADE_HIGH:
		return l->high_ciphers;
	case TLS_GRADE_NULL:
		return l->null_ciphers;
	default:
		return l->medium_ciphers;
	}
}

static const char *
grade_name(enum tls_grade grade)
{
	return grade == TLS_GRADE_HIGH ? "high" :
	    grade == TLS_GRADE_NULL ? "null" : "medium";
}

/* To parse a list costs as much as half a handshake: the context keeps that of
 * its first session, which is mostly that of all. */
static bool
use_list(struct tls *t, const char *list)
{
	struct tls_context *c = t->context;

	if (c->ciphers != NULL && text_eq(c->ciphers, list))
		return true;
	if (c->ciphers != NULL)
		return SSL_set_cipher_list(t->ssl, list) == 1;
	if (SSL_CTX_set_cipher_list(c->ssl, list) != 1)
		return false;
	c->ciphers = mem_strdup(list);
	return true;
}

/* The grade's list without the words to be excluded, nor what `never` names. */
static bool
set_ciphers(struct tls *t, const struct tls_strength *s, const char *never)
{
	const char *grade = cipher_list(s->grade), *word = s->exclude;
	struct buf  list = BUF_INIT;
	bool	    good = true;
	size_t	    n;

	buf_adds(&list, grade != NULL && *grade != '\0' ? grade : "DEFAULT");
	for (; word != NULL && *word != '\0'; word += n) {
		word += strspn(word, ", \t\r\n:");
		n = strcspn(word, ", \t\r\n:");
		if (n > 0)
			buf_addf(&list, ":!%.*s", (int)n, word);
	}
	if (never != NULL)
		buf_addf(&list, ":!%s", never);
	if (!use_list(t, list.data)) {
		tls_say(true, "%s: error setting cipher grade: \"%s\"",
		    t->peer, grade_name(s->grade));
		tls_say_errors();
		good = false;
	} else if (t->log_level >= 2) {
		tls_say(false, "%s: TLS cipher list \"%s\"", t->peer,
		    list.data);
	}
	buf_done(&list);
	return good;
}

static void
set_protocols(struct tls *t, const struct tls_protocols *p)
{
	static const struct {
		unsigned off;
		uint64_t option;
	} rows[] = {
		{ TLS_OFF_SSL3, SSL_OP_NO_SSLv3 },
		{ TLS_OFF_TLS1, SSL_OP_NO_TLSv1 },
		{ TLS_OFF_TLS1_1, SSL_OP_NO_TLSv1_1 },
		{ TLS_OFF_TLS1_2, SSL_OP_NO_TLSv1_2 },
		{ TLS_OFF_TLS1_3, SSL_OP_NO_TLSv1_3 },
	};

	/* SSL 3.0 is broken (RFC 7568), whatever is written. */
	SSL_set_options(t->ssl, SSL_OP_NO_SSLv3);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (p->off & rows[i].off)
			SSL_set_options(t->ssl, rows[i].option);
	if (p->min != 0)
		SSL_set_min_proto_version(t->ssl, p->min);
	if (p->max != 0)
		SSL_set_max_proto_version(t->ssl, p->max);
}

/* Raw public keys (RFC 7250), where this OpenSSL knows them.  A server shows
 * its own to clients that ask for it; the peer's is asked for with `peers`. */
static void
offer_raw_keys(struct tls *t, bool peers)
{
	static const unsigned char both[] = { TLS_RPK, TLS_X509 };
	size_t n = sizeof both;

	if (tls_lib.set1_server_cert_type == NULL ||
	    tls_lib.set1_client_cert_type == NULL)
		return;
	if (t->info.server || peers)
		tls_lib.set1_server_cert_type(t->ssl, both, n);
	if (!t->info.server || peers)
		tls_lib.set1_client_cert_type(t->ssl, both, n);
}

/* What was read with the lines before, such as a load balancer's. */
static void
take_early(struct tls *t, struct stream *stream)
{
	size_t	    n = stream_buffered(stream);
	const char *p;

	if (n == 0 || (p = stream_peek(stream, &n)) == NULL)
		return;
	buf_add(&t->early, p, n);
	stream_skip(stream, n);
}

static struct tls *
begin(struct tls_context *c, struct stream *stream, const char *peer,
    int log_level)
{
	struct tls *t = NEW(struct tls);
	BIO	   *bio;

	t->context = c;
	c->users++;
	t->fd = stream_fd(stream);
	t->early = (struct buf)BUF_INIT;
	t->log_level = log_level;
	t->say = log_level >= 2 ? TLS_SAY_MATCH : 0;
	t->peer = pool_strdup(&t->pool, peer);
	t->info.server = c->set.server;
	ERR_clear_error();
	t->ssl = SSL_new(c->ssl);
	bio = t->ssl != NULL ? make_bio(t) : NULL;
	if (bio == NULL ||
	    SSL_set_ex_data(t->ssl, tls_process.index, t) != 1) {
		BIO_free(bio);
		tls_say_errors();
		free_tls(t);
		stream_fail(stream, "TLS is not available");
		return NULL;
	}
	SSL_set_bio(t->ssl, bio, bio);
	take_early(t, stream);
	return t;
}

/* --- the handshake */

static const char *
handshake_name(const struct tls *t)
{
	return t->info.server ? "SSL_accept" : "SSL_connect";
}

/* Why it failed, in the words that log readers know. */
static const char *
fail_handshake(struct tls *t, int result, int error)
{
	const char *name = handshake_name(t);

	t->broken = true;
	if (ERR_peek_error() != 0) {
		tls_say(false, "%s error %s %s: %d", name,
		    t->info.server ? "from" : "to", t->peer, result);
		tls_say_errors();
		return "TLS handshake failed";
	}
	if (error != 0 && !t->peer_ended) {
		tls_say(false, "%s error %s %s: %s", name,
		    t->info.server ? "from" : "to", t->peer, strerror(error));
		return "connection lost in the TLS handshake";
	}
	tls_say(false, "%s error %s %s: lost connection", name,
	    t->info.server ? "from" : "to", t->peer);
	return "lost connection in the TLS handshake";
}

/* NULL: done. */
static const char *
handshake(struct tls *t, int64_t deadline)
{
	int result, error, io;

	for (;;) {
		task_fd_try(t->fd, false);
		ERR_clear_error();
		errno = 0;
		result = t->info.server ? SSL_accept(t->ssl) :
		    SSL_connect(t->ssl);
		if (result == 1)
			return NULL;
		error = errno;
		switch (SSL_get_error(t->ssl, result)) {
		case SSL_ERROR_WANT_READ:
			io = TASK_READ;
			break;
		case SSL_ERROR_WANT_WRITE:
			io = TASK_WRITE;
			break;
		default:
			return fail_handshake(t, result, error);
		}
		if (!task_wait_fd(t->fd, io, deadline))
			return fail_handshake(t, -1, ETIMEDOUT);
		task_be_fair();
	}
}

static const struct stream_ops ops;

static const struct tls_info *
finish(struct tls *t, struct stream *stream, int64_t deadline)
{
	struct buf  line = BUF_INIT;
	const char *why = handshake(t, deadline);

	if (why != NULL) {
		free_tls(t);
		stream_fail(stream, why);
		return NULL;
	}
	tls_info_fill(t);
	tls_verify_judge(t);
	tls_verify_log(t);
	t->wish = NULL;
	if (t->log_level >= 1) {
		tls_info_log_line(&line, &t->info, t->peer);
		tls_say(false, "%s", line.data);
		buf_done(&line);
	}
	stream_set_ops(stream, &ops, t);
	tls_resume_keep(t);
	return &t->info;
}

const struct tls_info *
tls_accept(struct tls_context *c, struct stream *stream,
    const struct tls_accept *a)
{
	struct tls *t = begin(c, stream, a->peer, c->set.log_level);
	bool	    ask = a->ask_cert || a->require_cert;

	if (t == NULL)
		return NULL;
	if (t->log_level >= 2)
		tls_say(false, "setting up TLS connection from %s", t->peer);
	set_protocols(t, &a->strength.protocols);
	if (!set_ciphers(t, &a->strength, ask ? "aNULL" : NULL)) {
		free_tls(t);
		stream_fail(stream, "no usable TLS ciphers");
		return NULL;
	}
	t->log_untrusted = a->require_cert;
	/* No certificate, or a bad one, is for the caller to judge. */
	SSL_set_verify(t->ssl, !ask ? SSL_VERIFY_NONE :
	    SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, tls_verify_callback);
	offer_raw_keys(t, ask && c->set.rpk);
	tls_trace_begin(t);
	return finish(t, stream, a->deadline);
}

const struct tls_info *
tls_connect(struct tls_context *c, struct stream *stream,
    const struct tls_connect *w)
{
	struct tls *t = begin(c, stream, w->peer, w->log_level >= 0 ?
	    w->log_level : c->set.log_level);

	if (t == NULL)
		return NULL;
	t->wish = w;
	t->say |= w->say;
	t->info.level = w->level;
	if (t->log_level >= 2)
		tls_say(false, "setting up TLS connection to %s", t->peer);
	set_protocols(t, &w->strength.protocols);
	/* what must be encrypted is, what must be verified shows a
	 * certificate */
	if (!set_ciphers(t, &w->strength, w->level == TLS_LEVEL_ENCRYPT ?
	    "eNULL" : w->level > TLS_LEVEL_ENCRYPT ? "aNULL" : NULL) ||
	    (w->sni != NULL && SSL_set_tlsext_host_name(t->ssl, w->sni) != 1) ||
	    !tls_verify_prepare(t, w)) {
		tls_say_errors();
		free_tls(t);
		stream_fail(stream, "TLS settings can't be used");
		return NULL;
	}
	if (w->sni != NULL && t->log_level >= 2)
		tls_say(false, "%s: SNI hostname: %s", t->peer, w->sni);
	if (w->rpk)
		offer_raw_keys(t, true);
	tls_resume_offer(t, w);
	tls_trace_begin(t);
	return finish(t, stream, w->deadline);
}

/* --- the stream's operations */

/* As errno: what OpenSSL says that is no success. */
static ssize_t
outcome(struct tls *t, int error, int *wait)
{
	switch (SSL_get_error(t->ssl, 0)) {
	case SSL_ERROR_WANT_READ:
		*wait = TASK_READ;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_WRITE:
		*wait = TASK_WRITE;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		t->peer_ended = true;
		return 0;
	case SSL_ERROR_SYSCALL:
		t->broken = true;
		errno = error != 0 ? error : ECONNRESET;
		return t->peer_ended ? 0 : -1;
	default:
		t->broken = true;
		tls_say_errors();
		errno = EPROTO;
		return -1;
	}
}

static ssize_t
op_read(void *arg, int fd, void *p, size_t len, int *wait)
{
	struct tls *t = arg;
	size_t	    n;
	int	    result, error;

	(void)fd;
	if (t->broken) {
		errno = EPROTO;
		return -1;
	}
	ERR_clear_error();
	errno = 0;
	result = SSL_read_ex(t->ssl, p, len, &n);
	error = errno;
	if (t->to_save != NULL)
		tls_resume_keep(t);
	return result == 1 ? (ssize_t)n : outcome(t, error, wait);
}

static ssize_t
op_write(void *arg, int fd, const void *p, size_t len, int *wait)
{
	struct tls *t = arg;
	ssize_t	    r;
	size_t	    n;

	(void)fd;
	if (t->broken) {
		errno = EPROTO;
		return -1;
	}
	ERR_clear_error();
	errno = 0;
	if (SSL_write_ex(t->ssl, p, len, &n) == 1)
		return (ssize_t)n;
	r = outcome(t, errno, wait);
	if (r == 0)
		errno = EPIPE;
	return -1;
}

/* Our farewell, if it fits; the other side's is not waited for. */
static void
op_close(void *arg, int fd)
{
	struct tls *t = arg;

	(void)fd;
	if (!t->broken && !t->peer_ended) {
		ERR_clear_error();
		SSL_shutdown(t->ssl);
		ERR_clear_error();
	}
	free_tls(t);
}

static const struct stream_ops ops = {
	.read = op_read,
	.write = op_write,
	.close = op_close,
};

const struct tls_info *
tls_stream_info(const struct stream *s)
{
	const struct tls *t = stream_ops_arg(s, &ops);

	return t != NULL ? &t->info : NULL;
}

void
tls_stream_chain(const struct stream *s, struct buf *ret_pem)
{
	const struct tls *t = stream_ops_arg(s, &ops);

	if (t != NULL)
		tls_info_chain(t, ret_pem);
}
