/* Log lines: facts lie within the line, and JSON says the same again. */

#include <assert.h>
#include <string.h>

#include "mail/log_json.h"
#include "mail/log_line.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_words[] = {
	"Nov 22 01:10:54 mx postfix/smtpd[12]: ",
	"2026-11-22T01:10:54.123456+01:00 mx postfix/smtp[1]: ",
	"0A1B2C3D4: ", "4cF2Hk1ZkLz3x: ", "NOQUEUE: ", "warning: ",
	"to=<a@b>, orig_to=<\"c>d\"@e>, relay=none, delay=1, "
	    "delays=0.1/0/1/0, dsn=2.0.0, status=sent (250 Ok: queued as "
	    "0A1B2C3D4)",
	"reject: RCPT from h[1.2.3.4]: 550 5.1.1 <x>: no; from=<> to=<x> "
	    "proto=ESMTP helo=<y>",
	"reject: header Subject: x from h[1.2.3.4]; from=<a>: no",
	"client=h[1.2.3.4], sasl_method=PLAIN, sasl_username=u",
	"connect from h[1.2.3.4]", "disconnect from h[1.2.3.4] ehlo=1",
	"lost connection after DATA (1 bytes) from h[1.2.3.4]",
	"Untrusted TLS connection established to h[1.2.3.4]:25: TLSv1.3 with "
	    "cipher X (256/256 bits)",
	"h[1.2.3.4]: SASL LOGIN authentication failed: x",
	"sender non-delivery notification: 0A1B2C3D4", "message-id=<x>",
	"from=<a>, size=1, nrcpt=1 (queue active)", "uid=0 from=<a>",
	"from=<a>, status=expired, returned to sender", "removed",
	"{\"time\":\"2026-11-22T01:10:54Z\",\"host\":\"m\",\"program\":"
	    "\"postfix/qmgr\",\"pid\":1,\"message\":\"", "\"}", "\\u00e4",
	"\\ud83d\\ude00", "\\", "\"", "<", ">", "(", ")", ";", ",", "=", " ",
	"\n", "\377", NULL,
};

static void
within(struct str s, const struct log_line *l)
{
	assert(s.n == 0 || (s.p >= l->message.p &&
	    s.p + s.n <= l->message.p + l->message.n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_clock clock = { .latest = 1795348800 };
	struct log_field f[LOG_FIELDS_MAX];
	struct buf	 scratch = BUF_INIT, json = BUF_INIT, more = BUF_INIT;
	struct str	 links[LOG_LINKS_MAX];
	struct log_line	 l, again;
	size_t		 n;

	if (log_line_parse((const char *)data, size, &clock, &scratch, &l)) {
		within(l.id, &l);
		n = log_line_fields(&l, f);
		for (size_t i = 0; i < n; i++)
			within(f[i].value, &l);
		n = log_line_links(&l, links);
		for (size_t i = 0; i < n; i++)
			within(links[i], &l);
		log_json_add(&json, &l);
		if (l.message.n > 0) {
			assert(log_line_parse(json.data, json.len, &clock,
			    &more, &again));
			assert(again.kind == l.kind || memchr(data, 0xff,
			    size) != NULL);
			assert(again.id.n == l.id.n);
		}
	}
	buf_clear(&json);
	log_json_lines(&json, (const char *)data, size, &clock);
	buf_done(&scratch);
	buf_done(&json);
	buf_done(&more);
	return 0;
}
