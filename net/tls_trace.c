/* tls_trace - log levels 2 to 4: states, names and bytes */

#include <ctype.h>
#include <string.h>

#include "net/tls_int.h"

static void
say_state(const SSL *ssl, int where, int result)
{
	const struct tls *t = tls_of(ssl);
	const char	 *name;

	if (t == NULL)
		return;
	name = (where & SSL_ST_CONNECT) ? "SSL_connect" :
	    (where & SSL_ST_ACCEPT) ? "SSL_accept" : "undefined";
	if (where & SSL_CB_LOOP) {
		tls_say(false, "%s:%s", name, SSL_state_string_long(ssl));
	} else if (where & SSL_CB_ALERT) {
		if ((result & 0xff) != SSL3_AD_CLOSE_NOTIFY)
			tls_say(false, "SSL3 alert %s:%s:%s",
			    (where & SSL_CB_READ) ? "read" : "write",
			    SSL_alert_type_string_long(result),
			    SSL_alert_desc_string_long(result));
	} else if ((where & SSL_CB_EXIT) && result <= 0 &&
	    SSL_want(ssl) == SSL_NOTHING) {
		tls_say(false, "%s:%s in %s", name, result == 0 ? "failed" :
		    "error", SSL_state_string_long(ssl));
	}
}

void
tls_trace_begin(struct tls *t)
{
	if (t->log_level >= 2)
		SSL_set_info_callback(t->ssl, say_state);
}

/* Sixteen bytes a line, as hexadecimal numbers and as text. */
static void
dump(const unsigned char *p, size_t len)
{
	enum { WIDTH = 16 };
	struct buf b = BUF_INIT;

	for (size_t at = 0; at < len; at += WIDTH) {
		size_t n = len - at < WIDTH ? len - at : WIDTH;

		buf_clear(&b);
		buf_addf(&b, "%04zx ", at);
		for (size_t i = 0; i < WIDTH; i++) {
			if (i < n)
				buf_addf(&b, "%02x", p[at + i]);
			else
				buf_adds(&b, "  ");
			buf_addc(&b, i == 7 && n > 8 ? '|' : ' ');
		}
		buf_addc(&b, ' ');
		for (size_t i = 0; i < n; i++)
			buf_addc(&b, isprint(p[at + i]) ? (char)p[at + i] :
			    '.');
		tls_say(false, "%s", b.data);
	}
	buf_done(&b);
}

void
tls_trace_bytes(const struct tls *t, bool is_read, const void *p, size_t len,
    long result)
{
	/* Level 3 ends with the handshake. */
	if (t->log_level == 3 && SSL_is_init_finished(t->ssl))
		return;
	tls_say(false, "%s %s %s [%zu bytes => %ld]", is_read ? "read" :
	    "write", is_read ? "from" : "to", t->peer, len, result);
	if (result > 0)
		dump(p, (size_t)result);
}
