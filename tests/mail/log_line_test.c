#include <time.h>

#include "mail/log_json.h"
#include "mail/log_line.h"
#include "tests/test.h"

#define PREFIX "Nov 22 01:10:54 mx postfix/"

/* 22 Nov 2026, 12:00 UTC */
static struct log_clock noon = { .latest = 1795348800 };

static struct buf scratch = BUF_INIT;

static bool
parse(const char *text, struct log_line *l)
{
	return log_line_parse(text, strlen(text), &noon, &scratch, l);
}

/* "key=value" of all fields, joined by '|'. */
static const char *
facts(const char *text)
{
	static struct buf out = BUF_INIT;
	struct log_field  f[LOG_FIELDS_MAX];
	struct log_line	  l;
	size_t		  n;

	buf_clear(&out);
	if (!parse(text, &l))
		return "no line";
	n = log_line_fields(&l, f);
	for (size_t i = 0; i < n; i++)
		buf_addf(&out, "%s%.*s=%.*s", i > 0 ? "|" : "",
		    (int)f[i].key.n, f[i].key.p, (int)f[i].value.n,
		    f[i].value.p);
	return out.data;
}

static void
the_parts_of_a_line(void)
{
	struct log_line l;

	CHECK(parse(PREFIX "submission/smtpd[123]: 4cF2Hk1ZkLz3x: "
	    "client=a[1.2.3.4]", &l));
	CHECK(str_is(l.stamp, "Nov 22 01:10:54"));
	CHECK(str_is(l.host, "mx"));
	CHECK(str_is(l.tag, "postfix/submission/smtpd"));
	CHECK(str_is(l.program, "smtpd"));
	CHECK(l.pid == 123 && l.is_mail && l.level == LEVEL_INFO);
	CHECK(str_is(l.message, "4cF2Hk1ZkLz3x: client=a[1.2.3.4]"));
}

static void
times_of_both_kinds(void)
{
	struct log_line l;

	CHECK(parse("Nov 22 01:10:54 mx postfix/smtpd[1]: x", &l));
	CHECK_INT(l.time_us, 1795309854LL * 1000000);
	/* Last year's, since that day of this year has not come. */
	CHECK(parse("Dec  1 00:00:00 mx postfix/smtpd[1]: x", &l));
	CHECK_INT(l.time_us, 1764547200LL * 1000000);
	CHECK(parse("2026-11-22T02:10:54.250000+01:00 mx postfix/smtpd[1]: x",
	    &l));
	CHECK_INT(l.time_us, 1795309854LL * 1000000 + 250000);
	CHECK(parse("2026-11-22T01:10:54Z mx postfix/smtpd[1]: x", &l));
	CHECK_INT(l.time_us, 1795309854LL * 1000000);
}

static void
queue_ids_and_what_only_looks_like_one(void)
{
	static const struct {
		const char *text, *id;
	} cases[] = {
		{ "qmgr[1]: 0A1B2C3D4: removed", "0A1B2C3D4" },
		{ "qmgr[1]: 4cF2Hk1ZkLz3x: removed", "4cF2Hk1ZkLz3x" },
		{ "smtpd[1]: NOQUEUE: reject: RCPT from a[1.2.3.4]: 550 x; "
		    "from=<>", "" },
		{ "smtpd[1]: warning: hostname x", "" },
		{ "cleanup[1]: warning: 0A1B2C3D4: queue file size limit "
		    "exceeded", "0A1B2C3D4" },
		{ "anvil[1]: statistics: max x", "" },
	};
	char		text[200];
	struct log_line l;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, PREFIX "%s", cases[i].text);
		CHECK(parse(text, &l));
		CHECK(str_is(l.id, cases[i].id));
	}
}

static void
the_facts_of_lines(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "smtp[1]: 0A1B2C3D4: to=<b@x.example>, orig_to=<a@x.example>"
		    ", relay=mx.x.example[192.0.2.1]:25, conn_use=2, "
		    "delay=1.5, delays=0.1/0/1/0.4, tls=may:none, dsn=2.0.0, "
		    "status=sent (250 2.0.0 Ok: queued as 5A1B2C3D5)",
		    "to=b@x.example|orig_to=a@x.example|"
		    "relay=mx.x.example[192.0.2.1]:25|conn_use=2|delay=1.5|"
		    "delays=0.1/0/1/0.4|tls=may:none|dsn=2.0.0|status=sent|"
		    "reason=250 2.0.0 Ok: queued as 5A1B2C3D5" },
		/* What a stranger says in a reply makes no fact. */
		{ "smtp[1]: 0A1B2C3D4: to=<\"a>, status=sent b\"@x>, "
		    "relay=none, delay=1, delays=0/0/1/0, dsn=5.1.1, "
		    "status=bounced (host said: 550 status=sent (x))",
		    "to=\"a>, status=sent b\"@x|relay=none|delay=1|"
		    "delays=0/0/1/0|dsn=5.1.1|status=bounced|"
		    "reason=host said: 550 status=sent (x)" },
		{ "smtpd[1]: NOQUEUE: reject: RCPT from h.example[192.0.2.9]:"
		    " 550 5.1.1 <n@x>: Recipient address rejected: User "
		    "unknown; try <z>; from=<a@b> to=<n@x> proto=ESMTP "
		    "helo=<h>", "action=reject|stage=RCPT|"
		    "client=h.example[192.0.2.9]|code=550|dsn=5.1.1|"
		    "reason=<n@x>: Recipient address rejected: User unknown; "
		    "try <z>|from=a@b|to=n@x|proto=ESMTP|helo=h" },
		{ "postscreen[1]: NOQUEUE: reject: RCPT from "
		    "[192.0.2.9]:4711: 550 5.7.1 Service unavailable; "
		    "client [192.0.2.9] blocked using d; from=<a@b>, "
		    "to=<n@x>, proto=ESMTP, helo=<h>", "action=reject|"
		    "stage=RCPT|client=[192.0.2.9]|code=550|dsn=5.7.1|"
		    "reason=Service unavailable; client [192.0.2.9] blocked "
		    "using d|from=a@b|to=n@x|proto=ESMTP|helo=h" },
		{ "smtpd[1]: 0A1B2C3D4: client=h[1.2.3.4], "
		    "sasl_method=PLAIN, sasl_username=joe",
		    "client=h[1.2.3.4]|sasl_method=PLAIN|sasl_username=joe" },
		{ "pickup[1]: 0A1B2C3D4: uid=0 from=<root> orig_id=9A1B2C3D4",
		    "uid=0|from=root|orig_id=9A1B2C3D4" },
		{ "qmgr[1]: 0A1B2C3D4: from=<a@b>, size=12, nrcpt=1 "
		    "(queue active)",
		    "from=a@b|size=12|nrcpt=1|reason=queue active" },
		{ "cleanup[1]: 0A1B2C3D4: message-id=<1@x>",
		    "message_id=1@x" },
		{ "smtpd[1]: disconnect from h[1.2.3.4] ehlo=1 mail=0/1 "
		    "commands=1/2",
		    "client=h[1.2.3.4]|ehlo=1|mail=0/1|commands=1/2" },
		{ "smtpd[1]: NOQUEUE: lost connection after DATA (12 bytes) "
		    "from h[1.2.3.4]", "event=lost connection|stage=DATA|"
		    "client=h[1.2.3.4]" },
		{ "smtpd[1]: Anonymous TLS connection established from "
		    "h[1.2.3.4]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
		    "(256/256 bits) key-exchange X25519", "trust=Anonymous|"
		    "direction=from|client=h[1.2.3.4]|protocol=TLSv1.3|"
		    "cipher=TLS_AES_256_GCM_SHA384|secret_bits=256|"
		    "algorithm_bits=256" },
		{ "smtpd[1]: warning: h[1.2.3.4]: SASL PLAIN authentication "
		    "failed: bad, sasl_username=x", "client=h[1.2.3.4]|"
		    "sasl_method=PLAIN|reason=bad, sasl_username=x" },
		{ "bounce[1]: 0A1B2C3D4: sender non-delivery notification: "
		    "5A1B2C3D5", "notification=sender non-delivery|"
		    "notification_id=5A1B2C3D5" },
	};
	char text[600];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, PREFIX "%s", cases[i].text);
		CHECK_STR(facts(text), cases[i].want);
	}
}

static void
other_messages_are_named(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "smtp[1]: 0A1B2C3D4: to=<a>, status=sent (250 Ok: queued as"
		    " 5A1B2C3D5)", "5A1B2C3D5" },
		{ "local[1]: 0A1B2C3D4: to=<a>, status=sent (forwarded as "
		    "5A1B2C3D5)", "5A1B2C3D5" },
		{ "bounce[1]: 0A1B2C3D4: sender delay notification: "
		    "5A1B2C3D5", "5A1B2C3D5" },
		{ "smtpd[1]: 0A1B2C3D4: client=a[1.2.3.4], "
		    "orig_queue_id=5A1B2C3D5, orig_client=b[1.2.3.5]",
		    "5A1B2C3D5" },
		{ "smtp[1]: 0A1B2C3D4: to=<a>, status=sent (queued as x)",
		    NULL },
	};
	struct str	links[LOG_LINKS_MAX];
	struct log_line l;
	char		text[300];
	size_t		n;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, PREFIX "%s", cases[i].text);
		CHECK(parse(text, &l));
		n = log_line_links(&l, links);
		CHECK(n == (cases[i].want != NULL));
		CHECK(n == 0 || str_is(links[0], cases[i].want));
	}
}

static void
what_is_no_line_is_refused(void)
{
	static const char *const bad[] = { "", "x", "Nov 22", "{", "{}",
		"Nov 22 01:10:54 mx", "Nov 22 01:10:54 mx postfix/smtpd[1]",
		"Nov 32 01:10:54 mx postfix/smtpd[1]: x",
		"Nov 22 25:10:54 mx postfix/smtpd[1]: x",
		"{\"time\":\"x\",\"message\":\"y\"}",
		"2026-11-22T01:10:54 mx postfix/smtpd[1]: x",
		"{\"time\":\"2026-11-22T01:10:54Z\",\"message\":\"\\u12\"}",
	};
	struct log_line l;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!parse(bad[i], &l));
}

static void
json_and_back(void)
{
	static const char line[] = PREFIX "smtp[7]: 0A1B2C3D4: "
	    "to=<\"a b\\\\\"@x>, relay=none, delay=1.50, delays=0/0/1/0, "
	    "dsn=4.4.1, status=deferred (h\303\266st \"x\" \377)\n";
	struct buf	out = BUF_INIT;
	struct log_line a, b;

	log_json_lines(&out, line, sizeof line - 1, &noon);
	CHECK_STR(out.data, "{\"time\":\"2026-11-22T01:10:54+00:00\","
	    "\"host\":\"mx\",\"program\":\"postfix/smtp\",\"pid\":7,"
	    "\"level\":\"info\",\"queue_id\":\"0A1B2C3D4\",\"message\":"
	    "\"0A1B2C3D4: to=<\\\"a b\\\\\\\\\\\"@x>, relay=none, "
	    "delay=1.50, delays=0/0/1/0, dsn=4.4.1, status=deferred "
	    "(h\303\266st \\\"x\\\" \357\277\275)\",\"event\":\"delivery\","
	    "\"to\":\"\\\"a b\\\\\\\\\\\"@x\",\"relay\":\"none\","
	    "\"delay\":1.50,\"delays\":\"0/0/1/0\",\"dsn\":\"4.4.1\","
	    "\"status\":\"deferred\",\"reason\":\"h\303\266st \\\"x\\\" "
	    "\357\277\275\"}\n");
	CHECK(parse(line, &a));
	CHECK(log_line_parse(out.data, out.len - 1, &noon, &scratch, &b));
	CHECK(a.time_us == b.time_us && a.pid == b.pid && a.kind == b.kind);
	CHECK(str_is(b.program, "smtp") && str_is(b.id, "0A1B2C3D4"));
	buf_done(&out);
}

static void
foreign_lines_keep_their_text_in_json(void)
{
	struct buf out = BUF_INIT;

	log_json_lines(&out, "no line\n", 8, &noon);
	CHECK(strstr(out.data, "\"message\":\"no line\"}\n") != NULL);
	buf_done(&out);
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	TEST(the_parts_of_a_line);
	TEST(times_of_both_kinds);
	TEST(queue_ids_and_what_only_looks_like_one);
	TEST(the_facts_of_lines);
	TEST(other_messages_are_named);
	TEST(what_is_no_line_is_refused);
	TEST(json_and_back);
	TEST(foreign_lines_keep_their_text_in_json);
	buf_done(&scratch);
	return test_end();
}
