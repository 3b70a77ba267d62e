/*
 * What a stranger may send to a TLS server before and in the handshake, and
 * what main.cf may say.  Input: a byte that chooses, then bytes or words.
 */

#include <sys/socket.h>
#include <unistd.h>

#include "net/tls.h"
#include "tests/fuzz/fuzz.h"
#include "tests/net/tls_pki.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/mem.h"
#include "util/stream.h"

const char *const fuzz_words[] = {
	"TLSv1", "TLSv1.2", "TLSv1.3", "SSLv3", ">=", "<=", "!", ", ", ":",
	"0303", "high", "medium", "null", "\x16\x03\x01", "\x16\x03\x03",
	"\x15\x03\x03\x00\x02\x02\x28", "\x14\x03\x03\x00\x01\x01", NULL
};

/* A ClientHello of TLS 1.2, and the beginning of one with SNI. */
const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("\1\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03"
	    "0123456789abcdef0123456789abcdef\x00\x00\x04\xc0\x2b\xc0\x2f"
	    "\x01\x00"),
	FUZZ_SEED("\1\x16\x03\x01\x00\x43\x01\x00\x00\x3f\x03\x03"
	    "0123456789abcdef0123456789abcdef\x00\x00\x04\xc0\x2b\xc0\x2f"
	    "\x01\x00\x00\x12\x00\x00\x00\x0e\x00\x0c\x00\x00\x09"
	    "a.example"),
	{ NULL, 0 }
};

static struct tls_context *context;

static int
find_sni(const char *name, struct buf *ret)
{
	(void)ret;
	/* nothing that a table or a log could take for something else */
	for (; *name != '\0'; name++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789.-_",
		    *name) == NULL)
			abort();
	return 0;
}

static void
start(void)
{
	static const struct tls_library library = {
		.auto_curves = "X25519 prime256v1",
		.medium_ciphers = "HIGH",
	};
	struct tls_settings set = { .server = true, .ask_cert = true,
	    .verify_depth = 9, .sni = find_sni };
	struct pki	    p;
	const char	   *why;

	pki_start();
	p = pki_make("mx.example", "DNS:mx.example", NULL, "EC", 100);
	set.chain_files = pki_write("chain.pem", p.key, p.cert, NULL);
	if (!tls_start(&library, &why))
		abort();
	context = tls_context_new(&set, NULL);
	pki_free(&p);
	pki_end();
	if (context == NULL)
		abort();
}

/* All that comes is there at once, and then the end: it must not wait. */
static void
shake_hands(const uint8_t *bytes, size_t len)
{
	struct tls_accept a = { .peer = "fuzz", .ask_cert = true,
	    .strength = { { 0, 0, 0 }, TLS_GRADE_MEDIUM, NULL } };
	struct stream	 *s;
	int		  fd[2];

	if (context == NULL)
		start();
	if (len > 60000 || socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		return;
	if (!file_write_all(fd[1], bytes, len))
		abort();
	shutdown(fd[1], SHUT_WR);
	s = stream_open(fd[0]);
	a.deadline = clock_in(10);
	if (tls_accept(context, s, &a) != NULL)
		abort();	/* nobody can know our half of the keys */
	stream_abort(s);
	close(fd[1]);
}

static void
parse(const char *text)
{
	struct tls_protocols p = { 0, 0, 0 };
	const char	    *why = NULL;

	if (!tls_protocols_parse(&p, text, &why) && why == NULL)
		abort();
	tls_level_parse(text);
	tls_grade_parse(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text;

	if (len == 0)
		return 0;
	if (bytes[0] & 1) {
		shake_hands(bytes + 1, len - 1);
		return 0;
	}
	text = mem_strndup((const char *)bytes + 1, len - 1);
	parse(text);
	mem_free(text);
	return 0;
}
