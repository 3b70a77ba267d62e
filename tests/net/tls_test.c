/* Handshakes between a server and a client, each a task of this process. */

#include <signal.h>
#include <sys/socket.h>

#include "net/tls.h"
#include "tests/net/tls_pki.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

static struct pki ca, other_ca, server, rsa, client;
static struct buf said = BUF_INIT;

static void
hear(bool is_warning, const char *text)
{
	buf_addf(&said, "%s%s\n", is_warning ? "warning: " : "", text);
}

static const struct tls_library library = {
	.high_ciphers = "HIGH:@STRENGTH",
	.medium_ciphers = "aNULL:-aNULL:HIGH:MEDIUM:!SEED:!IDEA:!3DES:!RC2:"
	    "!RC4:!RC5:!kDH:!kECDH:!aDSS:!MD5:+RC4:@STRENGTH",
	.null_ciphers = "eNULL:!aNULL",
	.auto_curves = "X25519 X448 prime256v1 secp384r1 nosuchcurve",
	.strong_curve = "prime256v1", .ultra_curve = "secp384r1",
	.ffdhe_groups = "ffdhe2048 ffdhe3072",
	.dane_digests = "sha512 sha256",
	.wildcard_many_labels = true,
	.log = hear,
};

/* --- a conversation */

struct side {
	struct tls_context	*context;
	struct stream		*stream;
	struct tls_accept	 accept;
	struct tls_connect	 connect;
	const struct tls_info	*info;
	struct tls_info		 copy;
	struct buf		 line, log_line, received;
	bool			 done;
};

static struct side s, c;

static void
serve(void *arg)
{
	(void)arg;
	s.info = tls_accept(s.context, s.stream, &s.accept);
	if (s.info != NULL) {
		tls_info_log_line(&s.log_line, s.info, "peer");
		tls_info_received(&s.received, s.info, s.accept.ask_cert);
		stream_set_deadline(s.stream, 5);
		stream_get_line(s.stream, &s.line, 100);
		stream_puts(s.stream, "answer\r\n");
		for (int i = 0; i < 1000; i++)
			stream_printf(s.stream, "%060d\r\n", i);
		stream_flush(s.stream);
	}
	s.done = true;
	if (c.done)
		task_stop();
}

static void
call(void *arg)
{
	(void)arg;
	c.info = tls_connect(c.context, c.stream, &c.connect);
	if (c.info != NULL) {
		tls_info_log_line(&c.log_line, c.info, "peer");
		stream_set_deadline(c.stream, 5);
		stream_puts(c.stream, "question\r\n");
		stream_get_line(c.stream, &c.line, 100);
		for (int i = 0; i < 1000; i++) {
			struct buf b = BUF_INIT;

			if (stream_get_line(c.stream, &b, 100) != LINE_OK)
				buf_set(&c.line, "broken");
			buf_done(&b);
		}
	}
	c.done = true;
	if (s.done)
		task_stop();
}

static const struct tls_strength any = { { 0, 0, 0 }, TLS_GRADE_MEDIUM, NULL };

static struct tls_settings
server_settings(void)
{
	return (struct tls_settings){
		.server = true,
		.chain_files = pki_path("server.pem"),
		.ca_file = pki_path("ca.pem"),
		.verify_depth = 9,
		.id_context = "test",
		.ask_cert = true,
	};
}

static struct tls_settings
client_settings(void)
{
	return (struct tls_settings){
		.ca_file = pki_path("ca.pem"),
		.verify_depth = 9,
	};
}

static void
begin(const struct tls_settings *server_set,
    const struct tls_settings *client_set)
{
	s = (struct side){ .line = BUF_INIT, .log_line = BUF_INIT,
	    .received = BUF_INIT };
	c = (struct side){ .line = BUF_INIT, .log_line = BUF_INIT,
	    .received = BUF_INIT };
	buf_clear(&said);
	s.context = tls_context_new(server_set, NULL);
	c.context = tls_context_new(client_set, NULL);
	s.accept = (struct tls_accept){ .peer = "client", .strength = any };
	c.connect = (struct tls_connect){ .peer = "server",
	    .level = TLS_LEVEL_MAY, .strength = any, .log_level = -1 };
}

static void
talk_again(void)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		abort();
	s.done = c.done = false;
	s.stream = stream_open(fd[0]);
	c.stream = stream_open(fd[1]);
	s.accept.deadline = c.connect.deadline = clock_in(5);
	buf_clear(&s.log_line);
	buf_clear(&c.log_line);
	buf_clear(&s.received);
	task_start("server", serve, NULL);
	task_start("client", call, NULL);
	task_loop();
}

static void
hang_up(void)
{
	stream_abort(c.stream);
	stream_abort(s.stream);
}

static void
end(void)
{
	hang_up();
	tls_context_free(s.context);
	tls_context_free(c.context);
	buf_done(&s.line);
	buf_done(&s.log_line);
	buf_done(&s.received);
	buf_done(&c.line);
	buf_done(&c.log_line);
	buf_done(&c.received);
}

/* --- the tests */

static void
both_sides_talk_over_tls(void)
{
	struct tls_settings a = server_settings(), b = client_settings();

	begin(&a, &b);
	talk_again();
	CHECK(s.info != NULL && c.info != NULL);
	CHECK_STR(s.line.data, "question");
	CHECK_STR(c.line.data, "answer");
	CHECK(tls_stream_info(s.stream) == s.info);
	CHECK_STR(s.log_line.data, "Anonymous TLS connection established from "
	    "peer: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) "
	    "key-exchange x25519 server-signature ECDSA (prime256v1) "
	    "server-digest SHA256");
	CHECK_STR(c.log_line.data, "Trusted TLS connection established to "
	    "peer: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) "
	    "key-exchange x25519 server-signature ECDSA (prime256v1) "
	    "server-digest SHA256");
	CHECK_STR(s.received.data,
	    "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 "
	    "bits)\r\n\t key-exchange x25519 server-signature ECDSA "
	    "(prime256v1) server-digest SHA256)\r\n"
	    "\t(No client certificate requested)\r\n");
	CHECK_STR(said.data, "");
	end();
}

static void
peek_and_serve(void *arg)
{
	size_t n;

	stream_peek(s.stream, &n);
	serve(arg);
}

static void
a_handshake_may_begin_in_the_buffer(void)
{
	struct tls_settings a = server_settings(), b = client_settings();
	int		    fd[2];

	begin(&a, &b);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		abort();
	s.stream = stream_open(fd[0]);
	c.stream = stream_open(fd[1]);
	s.accept.deadline = c.connect.deadline = clock_in(5);
	task_start("server", peek_and_serve, NULL);
	task_start("client", call, NULL);
	task_loop();
	CHECK_STR(s.line.data, "question");
	CHECK_STR(c.line.data, "answer");
	end();
}

/* --- a file, in records as large as they can be */

enum { FILE_SIZE = 300000 };

static int  file_fd;
static char received[FILE_SIZE];

static void
send_file(void *arg)
{
	(void)arg;
	s.info = tls_accept(s.context, s.stream, &s.accept);
	stream_set_deadline(s.stream, 5);
	stream_puts(s.stream, "first ");
	stream_send_file(s.stream, file_fd, 6, FILE_SIZE - 6);
	stream_flush(s.stream);
	s.done = true;
	if (c.done)
		task_stop();
}

static void
receive_file(void *arg)
{
	(void)arg;
	c.info = tls_connect(c.context, c.stream, &c.connect);
	stream_set_deadline(c.stream, 5);
	stream_read(c.stream, received, FILE_SIZE);
	c.done = true;
	if (s.done)
		task_stop();
}

static void
files_arrive_whole(void)
{
	struct tls_settings a = server_settings(), b = client_settings();
	static char	    sent[FILE_SIZE];
	char		    path[] = "/tmp/tls_file.XXXXXX";
	int		    fd[2];

	for (int i = 0; i < FILE_SIZE; i++)
		sent[i] = (char)(i * 7 + i / 251);
	memcpy(sent, "first ", 6);
	file_fd = mkstemp(path);
	unlink(path);
	CHECK(file_write_all(file_fd, sent, FILE_SIZE));
	begin(&a, &b);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		abort();
	s.stream = stream_open(fd[0]);
	c.stream = stream_open(fd[1]);
	s.accept.deadline = c.connect.deadline = clock_in(5);
	task_start("server", send_file, NULL);
	task_start("client", receive_file, NULL);
	task_loop();
	CHECK(stream_failed(c.stream) == NULL);
	CHECK(memcmp(sent, received, FILE_SIZE) == 0);
	close(file_fd);
	end();
}

static void
a_client_certificate_is_seen_and_judged(void)
{
	struct tls_settings a = server_settings(), b = client_settings();

	b.chain_files = pki_path("client.pem");
	begin(&a, &b);
	s.accept.ask_cert = true;
	talk_again();
	CHECK(s.info != NULL && s.info->trust == TLS_TRUSTED);
	CHECK_STR(s.info->peer_cn, "client.example");
	CHECK_STR(s.info->issuer_cn, "Test CA");
	CHECK_STR(s.info->subject, "/O=Tests/CN=client.example");
	CHECK(strlen(s.info->cert_print) == 32 * 3 - 1);
	CHECK_STR(strstr(s.received.data, "\t(Client"),
	    "\t(Client CN \"client.example\", Issuer \"Test CA\" "
	    "(verified OK))\r\n");
	CHECK(strstr(s.received.data, "\r\n\t client-signature ECDSA "
	    "(prime256v1) client-digest SHA256)\r\n") != NULL);
	end();
}

static void
a_stranger_s_certificate_is_not_trusted(void)
{
	struct tls_settings a = server_settings(), b = client_settings();

	a.ca_file = pki_path("other.pem");
	b.chain_files = pki_path("client.pem");
	begin(&a, &b);
	s.accept.ask_cert = true;
	talk_again();
	CHECK(s.info != NULL && s.info->trust == TLS_UNTRUSTED);
	CHECK(strstr(s.received.data, "(not verified))") != NULL);
	end();
}

static void
levels_ask_for_names(void)
{
	static const struct {
		enum tls_level	 level;
		const char	*match;
		bool		 other_ca;
		enum tls_trust	 trust;
		const char	*said;
	} rows[] = {
		{ TLS_LEVEL_VERIFY, "mx.example.com", false, TLS_VERIFIED, "" },
		{ TLS_LEVEL_SECURE, ".example.com", false, TLS_VERIFIED, "" },
		{ TLS_LEVEL_SECURE, "a.b.wild.example", false, TLS_VERIFIED,
		    "" },
		{ TLS_LEVEL_SECURE, "example.com", false, TLS_UNTRUSTED,
		    "server certificate verification failed for server: "
		    "num=62:hostname mismatch\n" },
		{ TLS_LEVEL_VERIFY, "mx.example.com", true, TLS_UNTRUSTED,
		    "certificate verification failed for server: untrusted "
		    "issuer /O=Tests/CN=Test CA\n" },
		{ TLS_LEVEL_MAY, NULL, true, TLS_UNTRUSTED, "" },
		{ TLS_LEVEL_ENCRYPT, NULL, false, TLS_TRUSTED, "" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tls_settings a = server_settings();
		struct tls_settings b = client_settings();
		const char	   *match[] = { rows[i].match, NULL };

		if (rows[i].other_ca)
			b.ca_file = pki_path("other.pem");
		begin(&a, &b);
		c.connect.level = rows[i].level;
		c.connect.match = match;
		talk_again();
		CHECK(c.info != NULL && c.info->trust == rows[i].trust);
		CHECK_STR(said.data, rows[i].said);
		CHECK(tls_info_is_enough(c.info) == (rows[i].level <=
		    TLS_LEVEL_ENCRYPT || rows[i].trust == TLS_VERIFIED));
		end();
	}
}

static void
names_and_addresses_of_a_list_are_alternatives(void)
{
	static const struct {
		const char    *match[3];
		enum tls_trust trust;
	} rows[] = {
		{ { "192.0.2.7" }, TLS_VERIFIED },
		{ { "192.0.2.7", "192.0.2.7" }, TLS_VERIFIED },
		{ { "192.0.2.9", "192.0.2.7" }, TLS_VERIFIED },
		{ { "other.example", "192.0.2.7" }, TLS_VERIFIED },
		{ { "192.0.2.9", "mx.example.com" }, TLS_VERIFIED },
		{ { "192.0.2.9" }, TLS_UNTRUSTED },
		{ { "other.example", "192.0.2.9" }, TLS_UNTRUSTED },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tls_settings a = server_settings();
		struct tls_settings b = client_settings();

		begin(&a, &b);
		c.connect.level = TLS_LEVEL_SECURE;
		c.connect.match = (const char *const *)rows[i].match;
		talk_again();
		CHECK(c.info != NULL && c.info->trust == rows[i].trust);
		end();
	}
}

static void
fingerprints_need_no_authority(void)
{
	struct tls_settings a = server_settings(), b = client_settings();
	unsigned char	   *der = NULL;
	int		    len = i2d_X509(server.cert, &der);
	struct buf	    print = BUF_INIT;
	const char	   *match[] = { "00:11", NULL, NULL };

	CHECK(tls_fingerprint(&print, "sha256", der, (size_t)len));
	CHECK(!tls_fingerprint(&print, "nosuchdigest", der, (size_t)len));
	OPENSSL_free(der);
	b.ca_file = NULL;
	begin(&a, &b);
	c.connect.level = TLS_LEVEL_FINGERPRINT;
	c.connect.match = match;
	talk_again();
	CHECK(c.info != NULL && c.info->trust == TLS_UNTRUSTED);
	CHECK_STR(said.data, "server certificate verification failed for "
	    "server: num=1:unspecified certificate verification error\n");
	hang_up();
	match[1] = text_lower(print.data);
	talk_again();
	CHECK(c.info != NULL && c.info->trust == TLS_VERIFIED);
	end();
	buf_done(&print);
}

/* --- DANE */

static size_t
key_digest(X509 *cert, uint8_t ret[64])
{
	unsigned char *der = NULL;
	int	       len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	size_t	       n = 0;

	EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)len, ret, &n);
	OPENSSL_free(der);
	return n;
}

static void
tlsa_records_of_no_digest_hold_the_thing_itself(void)
{
	unsigned char *cert = NULL, *key = NULL;
	int	       cert_len = i2d_X509(server.cert, &cert);
	int	       key_len = i2d_X509_PUBKEY(
			   X509_get_X509_PUBKEY(server.cert), &key);
	struct tlsa    r = { 3, 0, 0, cert, (size_t)cert_len };

	CHECK(tlsa_is_usable(&r));
	r.selector = 1;
	CHECK(!tlsa_is_usable(&r));
	r.data = key;
	r.len = (size_t)key_len;
	CHECK(tlsa_is_usable(&r));
	r.len--;
	CHECK(!tlsa_is_usable(&r));
	OPENSSL_free(cert);
	OPENSSL_free(key);
}

static void
dane_believes_tlsa_records_only(void)
{
	struct tls_settings a = server_settings(), b = client_settings();
	uint8_t		    good[64], bad[32] = { 0 }, anchor[64];
	size_t		    n = key_digest(server.cert, good);
	struct tlsa	    records[2] = {
		{ 3, 1, 9, bad, 1 }, { 3, 1, 1, good, n },
	};

	CHECK(!tlsa_is_usable(&records[0]) && tlsa_is_usable(&records[1]));
	tlsa_records_of_no_digest_hold_the_thing_itself();
	b.ca_file = NULL;
	begin(&a, &b);
	c.connect.level = TLS_LEVEL_DANE;
	c.connect.host = "mx.example.com";
	c.connect.tlsa = records;
	c.connect.tlsa_count = 2;
	talk_again();
	CHECK(c.info != NULL && c.info->trust == TLS_VERIFIED);
	hang_up();

	records[1].data = bad;
	talk_again();
	CHECK(c.info != NULL && c.info->trust == TLS_UNTRUSTED);
	CHECK_STR(said.data, "server certificate verification failed for "
	    "server: num=65:no matching DANE TLSA records\n");
	hang_up();

	/* An authority's key, which the server's chain has. */
	records[1] = (struct tlsa){ 2, 1, 1, anchor,
	    key_digest(ca.cert, anchor) };
	talk_again();
	CHECK(c.info != NULL && c.info->trust == TLS_VERIFIED);
	end();
}

/* --- trust anchors of one's own */

static void
write_public_key(const char *path, X509 *cert)
{
	FILE	 *f = fopen(path, "w");
	EVP_PKEY *key = X509_get_pubkey(cert);

	PEM_write_PUBKEY(f, key);
	EVP_PKEY_free(key);
	fclose(f);
}

static void
anchors_are_all_that_a_chain_may_hang_on(void)
{
	struct tls_settings a = server_settings(), b = client_settings();
	const char	   *match[] = { "mx.example.com", NULL };
	const char	   *key = pki_path("ca-key.pub");
	const struct {
		const char	*files, *name;
		enum tls_trust	 trust;
	} cases[] = {
		{ pki_path("ca.pem"), "mx.example.com", TLS_VERIFIED },
		{ pki_path("ca.pem"), "other.example", TLS_UNTRUSTED },
		{ key, "mx.example.com", TLS_VERIFIED },
		{ pki_path("server.pem"), "mx.example.com", TLS_VERIFIED },
		{ pki_path("server.pem"), "other.example", TLS_UNTRUSTED },
		{ pki_path("other.pem"), "mx.example.com", TLS_UNTRUSTED },
	};

	write_public_key(key, ca.cert);
	begin(&a, &b);
	c.connect.level = TLS_LEVEL_SECURE;
	c.connect.match = match;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		c.connect.anchor_files = cases[i].files;
		match[0] = cases[i].name;
		talk_again();
		CHECK(c.info != NULL && c.info->trust == cases[i].trust);
		hang_up();
	}
	match[0] = NULL;
	c.connect.anchor_files = NULL;
	talk_again();
	CHECK(c.info != NULL && c.info->trust == TLS_UNTRUSTED);
	CHECK(strstr(said.data, "could not configure peer name checks"));
	end();
}

static void
anchors_that_can_t_be_read_are_told(void)
{
	const char *nothing = pki_path("nothing.pem");

	CHECK(tls_anchors_are_good(pki_path("ca.pem")));
	buf_clear(&said);
	fclose(fopen(nothing, "w"));
	CHECK(!tls_anchors_are_good(nothing));
	CHECK_STR(said.data, "");
	unlink(nothing);
	CHECK(!tls_anchors_are_good(nothing));
	CHECK(strstr(said.data, "error opening trust anchor file: "));
}

/* --- resumption */

static struct map *kept;
static struct tls_ticket_key ticket_key = { .name = "key", };
static int tickets_asked;

static bool
store_load(const char *key, struct buf *ret)
{
	const struct buf *b = map_find(kept, key);

	if (b == NULL)
		return false;
	buf_add(ret, b->data, b->len);
	return true;
}

static void
free_kept(void *value)
{
	buf_done(value);
	mem_free(value);
}

static void
store_save(const char *key, const void *p, size_t len)
{
	struct buf *b = NEW(struct buf), *old;

	*b = (struct buf)BUF_INIT;
	buf_add(b, p, len);
	old = map_set(kept, key, b);
	if (old != NULL)
		free_kept(old);
}

static void
store_forget(const char *key)
{
	struct buf *b = map_remove(kept, key);

	if (b != NULL)
		free_kept(b);
}

static bool
find_ticket_key(const unsigned char *name, struct tls_ticket_key *ret)
{
	tickets_asked++;
	if (name != NULL &&
	    memcmp(name, ticket_key.name, sizeof ticket_key.name) != 0)
		return false;
	*ret = ticket_key;
	return true;
}

static void
sessions_are_resumed(int version, bool tickets)
{
	struct tls_settings a = server_settings(), b = client_settings();
	const char	   *match[] = { "mx.example.com", NULL };

	kept = map_new();
	a.session_seconds = b.session_seconds = 100;
	b.store = (struct tls_store){ store_load, store_save, store_forget };
	if (tickets)
		a.tickets.find = find_ticket_key;
	else
		a.store = b.store;
	begin(&a, &b);
	s.accept.strength.protocols.max = version;
	c.connect.level = TLS_LEVEL_VERIFY;
	c.connect.match = match;
	c.connect.session_key = "smtp&mx.example.com";
	talk_again();
	CHECK(c.info != NULL && !c.info->reused);
	CHECK(map_count(kept) == (tickets ? 1 : 2));
	hang_up();
	talk_again();
	CHECK(c.info != NULL && c.info->reused && s.info->reused);
	CHECK(c.info->trust == TLS_VERIFIED);
	CHECK(text_starts(c.log_line.data, "Verified TLS connection reused "
	    "to peer: TLSv1."));
	hang_up();

	/* Another wish: another session. */
	match[0] = "other.example.com";
	talk_again();
	CHECK(c.info != NULL && !c.info->reused &&
	    c.info->trust == TLS_UNTRUSTED);
	hang_up();
	talk_again();
	CHECK(c.info != NULL && c.info->trust == TLS_UNTRUSTED);
	end();
	map_free(kept, free_kept);
}

static void
tickets_resume_tls13(void)
{
	sessions_are_resumed(0, true);
}

static void
tickets_resume_tls12(void)
{
	sessions_are_resumed(0x0303, true);
}

static void
a_server_s_store_resumes_tls12(void)
{
	sessions_are_resumed(0x0303, false);
}

/* --- several keys, SNI, files */

static int
find_sni(const char *name, struct buf *ret)
{
	if (text_eq(name, "broken.example")) {
		buf_set(ret, "no key in here");
		return 1;
	}
	if (!text_eq(name, "other.example"))
		return text_eq(name, "error.example") ? -1 : 0;
	return file_read(pki_path("rsa.pem"), 100000, ret) ? 1 : -1;
}

static void
a_name_chooses_the_certificate(void)
{
	struct tls_settings a = server_settings(), b = client_settings();

	a.sni = find_sni;
	begin(&a, &b);
	c.connect.sni = "Other.Example";
	talk_again();
	CHECK(c.info != NULL);
	CHECK_STR(c.info->peer_cn, "rsa.example");
	CHECK_STR(c.info->server_sig.name, "RSA-PSS");
	CHECK(c.info->server_sig.bits == 2048);
	CHECK_STR(s.info->sni, "Other.Example");
	CHECK(strstr(s.log_line.data, "from peer to Other.Example: TLS") !=
	    NULL);
	hang_up();
	c.connect.sni = "unknown.example";
	talk_again();
	CHECK(c.info != NULL);
	CHECK_STR(c.info->peer_cn, "mx.example.com");
	CHECK_STR(s.info->sni, "");
	hang_up();
	c.connect.sni = "broken.example";
	talk_again();
	CHECK(c.info == NULL && s.info == NULL);
	CHECK(strstr(said.data, "warning: No PEM data in SNI data for "
	    "broken.example\n") != NULL);
	hang_up();
	c.connect.sni = "error.example";
	talk_again();
	CHECK(c.info == NULL && s.info == NULL);
	end();
}

static void
a_server_may_have_several_keys(void)
{
	struct tls_settings a = server_settings(), b = client_settings();
	struct buf	    files = BUF_INIT;

	/* key and chain of one in two files, then another key */
	buf_addf(&files, "%s, %s %s", pki_path("key.pem"),
	    pki_path("cert.pem"), pki_path("rsa.pem"));
	a.chain_files = files.data;
	begin(&a, &b);
	talk_again();
	CHECK(c.info != NULL);
	CHECK_STR(c.info->peer_cn, "mx.example.com");
	hang_up();
	s.accept.strength.protocols.max = 0x0303;
	c.connect.strength.exclude = "aECDSA";
	talk_again();
	CHECK(c.info != NULL);
	CHECK_STR(c.info->peer_cn, "rsa.example");
	CHECK_STR(c.info->protocol, "TLSv1.2");
	CHECK(strstr(c.log_line.data, "key-exchange") == NULL);
	end();
	buf_done(&files);
}

static void
pairs_of_files_work_too(void)
{
	struct tls_settings a = server_settings(), b = client_settings();

	a.chain_files = NULL;
	a.rsa = (struct tls_files){ pki_path("rsa.pem"), NULL };
	a.ecdsa = (struct tls_files){ pki_path("cert.pem"),
	    pki_path("key.pem") };
	begin(&a, &b);
	CHECK(s.context != NULL && tls_context_has_cert(s.context));
	talk_again();
	CHECK(c.info != NULL);
	CHECK_STR(c.info->peer_cn, "mx.example.com");
	end();
}

static void
files_that_can_t_be_used_are_told(void)
{
	static const struct {
		const char *chain, *said;
		bool	    works;
	} rows[] = {
		{ "nosuch.pem", "warning: error opening chain file: %s: No "
		    "such file or directory\n", true },
		{ "cert.pem", "warning: error loading chain from %s: key not "
		    "first\n", false },
		{ "key.pem", "warning: No certs for key at index 1 in %s\n",
		    false },
		{ "mixed.pem", "warning: key at index 1 in %s does not match "
		    "next certificate\n", false },
		{ "empty.pem", "warning: No PEM data in %s\n", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct tls_settings a = server_settings();
		struct tls_context *t;
		struct buf	    expect = BUF_INIT;
		const char	   *hole = strstr(rows[i].said, "%s");

		a.chain_files = pki_path(rows[i].chain);
		buf_clear(&said);
		t = tls_context_new(&a, NULL);
		CHECK((t != NULL) == rows[i].works);
		CHECK(t == NULL || !tls_context_has_cert(t));
		buf_add(&expect, rows[i].said, (size_t)(hole - rows[i].said));
		buf_addf(&expect, "%s%s", a.chain_files, hole + 2);
		CHECK(text_starts(said.data, expect.data));
		CHECK((strstr(said.data, "disabling TLS support\n") != NULL) !=
		    rows[i].works);
		tls_context_free(t);
		buf_done(&expect);
	}
}

static void
changed_files_are_noticed(void)
{
	struct tls_settings a = server_settings();
	struct tls_context *t;

	pki_write("fresh.pem", server.key, server.cert, ca.cert);
	a.chain_files = pki_path("fresh.pem");
	t = tls_context_new(&a, NULL);
	CHECK(t != NULL && !tls_context_is_stale(t));
	CHECK_STR(tls_context_files(t)[0], pki_path("fresh.pem"));
	pki_write("fresh.pem", server.key, server.cert, NULL);
	CHECK(tls_context_is_stale(t));
	tls_context_free(t);
}

/* --- what goes wrong */

static void
nothing_in_common_is_told(void)
{
	struct tls_settings a = server_settings(), b = client_settings();

	begin(&a, &b);
	s.accept.strength.protocols.min = 0x0304;
	c.connect.strength.protocols.max = 0x0303;
	talk_again();
	CHECK(s.info == NULL && c.info == NULL);
	CHECK(strstr(said.data, "SSL_accept error from client: -1\n"
	    "warning: TLS library problem: error:") != NULL);
	CHECK(strstr(said.data, "SSL_connect error to server: -1\n") != NULL);
	CHECK(stream_failed(s.stream) != NULL);
	end();
}

static void
words_of_main_cf_are_parsed(void)
{
	static const struct {
		const char *text;
		bool	    good;
		int	    min, max;
		unsigned    off;
	} rows[] = {
		{ "", true, 0, 0, 0 },
		{ ">=TLSv1.2", true, 0x0303, 0, 0 },
		{ ">=TLSv1, <=TLSv1.3", true, 0x0301, 0x0304, 0 },
		{ ">=tlsv1.2 !TLSv1.3", true, 0x0303, 0, TLS_OFF_TLS1_3 },
		{ "!SSLv2, !SSLv3", true, 0, 0, TLS_OFF_SSL3 },
		{ "TLSv1.2", true, 0, 0, TLS_OFF_SSL3 | TLS_OFF_TLS1 |
		    TLS_OFF_TLS1_1 | TLS_OFF_TLS1_3 },
		{ "TLSv1.2:TLSv1.3", true, 0, 0, TLS_OFF_SSL3 | TLS_OFF_TLS1 |
		    TLS_OFF_TLS1_1 },
		{ ">=0303", true, 0x0303, 0, 0 },
		{ ">=TLSv1.9", false, 0, 0, 0 },
		{ "!TLSv4", false, 0, 0, 0 },
		{ ">=TLSv1.3 <=TLSv1.2", true, 0x0304, 0x0303, 0 },
		{ "=TLSv1.2", false, 0, 0, 0 },
	};
	struct tls_protocols p;
	const char	    *why;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK(tls_protocols_parse(&p, rows[i].text, &why) ==
		    rows[i].good);
		if (rows[i].good)
			CHECK(p.min == rows[i].min && p.max == rows[i].max &&
			    p.off == rows[i].off);
	}
	CHECK(tls_level_parse("dane-only") == TLS_LEVEL_DANE_ONLY);
	CHECK(tls_level_parse("much") == TLS_LEVEL_BAD);
	CHECK_STR(tls_level_name(TLS_LEVEL_FINGERPRINT), "fingerprint");
	CHECK(tls_grade_parse("low") == TLS_GRADE_MEDIUM);
	CHECK(tls_grade_parse("best") == TLS_GRADE_BAD);
}

static void
make_certificates(void)
{
	ca = pki_make("Test CA", NULL, NULL, "EC", 100);
	other_ca = pki_make("Other CA", NULL, NULL, "EC", 100);
	server = pki_make("mx.example.com", "DNS:mx.example.com,"
	    "DNS:*.wild.example,IP:192.0.2.7", &ca, "EC", 100);
	rsa = pki_make("rsa.example", "DNS:rsa.example", &ca, "RSA", 100);
	client = pki_make("client.example", "DNS:client.example", &ca, "EC",
	    100);
	pki_write("ca.pem", NULL, ca.cert, NULL);
	pki_write("other.pem", NULL, other_ca.cert, NULL);
	pki_write("server.pem", server.key, server.cert, ca.cert);
	pki_write("key.pem", server.key, NULL, NULL);
	pki_write("cert.pem", NULL, server.cert, NULL);
	pki_write("rsa.pem", rsa.key, rsa.cert, NULL);
	pki_write("mixed.pem", rsa.key, server.cert, NULL);
	pki_write("empty.pem", NULL, NULL, NULL);
	pki_write("client.pem", client.key, client.cert, NULL);
}

int
main(void)
{
	const char *why = NULL;

	signal(SIGPIPE, SIG_IGN);
	pki_start();
	make_certificates();
	if (!tls_start(&library, &why))
		fprintf(stderr, "tls_start: %s\n", why);
	TEST(words_of_main_cf_are_parsed);
	TEST(both_sides_talk_over_tls);
	TEST(files_arrive_whole);
	TEST(a_handshake_may_begin_in_the_buffer);
	TEST(a_client_certificate_is_seen_and_judged);
	TEST(a_stranger_s_certificate_is_not_trusted);
	TEST(levels_ask_for_names);
	TEST(names_and_addresses_of_a_list_are_alternatives);
	TEST(fingerprints_need_no_authority);
	TEST(dane_believes_tlsa_records_only);
	TEST(anchors_are_all_that_a_chain_may_hang_on);
	TEST(anchors_that_can_t_be_read_are_told);
	TEST(tickets_resume_tls13);
	TEST(tickets_resume_tls12);
	TEST(a_server_s_store_resumes_tls12);
	TEST(a_name_chooses_the_certificate);
	TEST(a_server_may_have_several_keys);
	TEST(pairs_of_files_work_too);
	TEST(files_that_can_t_be_used_are_told);
	TEST(changed_files_are_noticed);
	TEST(nothing_in_common_is_told);
	pki_free(&ca);
	pki_free(&other_ca);
	pki_free(&server);
	pki_free(&rsa);
	pki_free(&client);
	pki_end();
	buf_done(&said);
	return test_end();
}
