#include "mail/log_line.h"
#include "mail/log_metrics.h"
#include "tests/test.h"
#include "util/buf.h"

static struct log_clock clock_ = { .latest = 1795348800 };
static struct buf	scratch = BUF_INIT;

static void
count(struct metrics *m, const char *text)
{
	char		line[1000];
	struct log_line l;
	int		n = snprintf(line, sizeof line,
	    "Nov 22 01:10:54 mx postfix/%s", text);

	CHECK(log_line_parse(line, (size_t)n, &clock_, &scratch, &l));
	metrics_count_line(m, &l);
}

static bool
has(const struct metrics *m, const char *sample)
{
	struct buf b = BUF_INIT;
	bool	   found;

	metrics_write(m, &b, "/spool");
	found = strstr(b.data, sample) != NULL;
	buf_done(&b);
	return found;
}

static void
what_never_happened_is_nought(void)
{
	struct metrics *m = metrics_new();

	CHECK(has(m, "\npostfix_up{path=\"/spool\"} 1\n"));
	CHECK(has(m, "\npostfix_smtpd_connects_total 0\n"));
	CHECK(has(m, "\npostfix_qmgr_messages_inserted_size_bytes_count 0\n"));
	CHECK(!has(m, "postfix_smtp_tls_connections_total"));
	metrics_free(m);
}

static void
lines_are_counted_with_their_labels(void)
{
	struct metrics *m = metrics_new();

	count(m, "smtpd[1]: connect from a[1.2.3.4]");
	count(m, "smtpd[1]: Anonymous TLS connection established from "
	    "a[1.2.3.4]: TLSv1.3 with cipher X (256/128 bits)");
	count(m, "smtpd[1]: NOQUEUE: reject: RCPT from a[1.2.3.4]: 554 5.7.1 "
	    "<x>: Relay access denied; from=<a> to=<x> proto=SMTP helo=<y>");
	count(m, "smtpd[1]: warning: hostname a.b does not resolve to "
	    "address 1.2.3.4");
	count(m, "smtpd[1]: warning: a[1.2.3.4]: SASL PLAIN authentication "
	    "failed: x");
	count(m, "smtp[1]: 0A1B2C3D4: to=<a@b>, relay=none, delay=30, "
	    "delays=0.01/0/30/0, dsn=4.4.1, status=deferred (connect to "
	    "b[1.2.3.4]:25: Connection timed out)");
	count(m, "qmgr[1]: 0A1B2C3D4: from=<a>, status=expired, returned to "
	    "sender");
	CHECK(has(m, "\npostfix_smtpd_connects_total 1\n"));
	CHECK(has(m, "\npostfix_smtpd_tls_connections_total{trust="
	    "\"Anonymous\",protocol=\"TLSv1.3\",cipher=\"X\","
	    "secret_bits=\"256\",algorithm_bits=\"128\"} 1\n"));
	CHECK(has(m, "\npostfix_smtpd_messages_rejected_total{code=\"554\"} "
	    "1\n"));
	CHECK(has(m, "\npostfix_smtpd_forward_confirmed_reverse_dns_errors_"
	    "total 1\n"));
	CHECK(has(m, "\npostfix_smtpd_sasl_authentication_failures_total "
	    "1\n"));
	CHECK(has(m, "\npostfix_smtp_connection_timed_out_total 1\n"));
	CHECK(has(m, "_bucket{stage=\"connection_setup\",le=\"10\"} 0\n"));
	CHECK(has(m, "_bucket{stage=\"connection_setup\",le=\"60\"} 1\n"));
	CHECK(has(m, "_sum{stage=\"connection_setup\"} 30\n"));
	CHECK(has(m, "\npostfix_qmgr_messages_expired_total 1\n"));
	CHECK(has(m, "\npostfix_deliveries_total{transport=\"smtp\","
	    "status=\"deferred\"} 1\n"));
	metrics_free(m);
}

static void
labels_are_escaped_and_bounded(void)
{
	struct metrics *m = metrics_new();
	char		line[200];

	count(m, "smtpd[1]: NOQUEUE: lost connection after A\"\\ from "
	    "a[1.2.3.4]");
	CHECK(has(m, "{after_stage=\"A\\\"\\\\\"} 1\n"));
	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof line, "smtpd[1]: NOQUEUE: lost "
		    "connection after X%d from a[1.2.3.4]", i);
		count(m, line);
	}
	CHECK(has(m, "{label=\"other\"} 701\n"));
	metrics_free(m);
}

static void
the_queue_is_as_it_was_at_the_last_look(void)
{
	struct metrics *m = metrics_new();

	for (int i = 0; i < 2; i++) {
		metrics_queue_begin(m);
		metrics_queue_add(m, "deferred", 5000, 50);
		metrics_queue_add(m, "deferred", 500, 5000);
	}
	CHECK(has(m, "\npostfix_queue_messages{queue=\"deferred\"} 2\n"));
	CHECK(has(m, "\npostfix_queue_messages{queue=\"hold\"} 0\n"));
	CHECK(has(m, "\npostfix_queue_bytes{queue=\"deferred\"} 5500\n"));
	CHECK(has(m, "\npostfix_queue_oldest_seconds{queue=\"deferred\"} "
	    "5000\n"));
	CHECK(has(m, "\npostfix_showq_message_age_seconds_bucket{queue="
	    "\"deferred\",le=\"100\"} 1\n"));
	CHECK(has(m, "\npostfix_showq_message_age_seconds_bucket{queue="
	    "\"deferred\",le=\"+Inf\"} 2\n"));
	metrics_free(m);
}

int
main(void)
{
	TEST(what_never_happened_is_nought);
	TEST(lines_are_counted_with_their_labels);
	TEST(labels_are_escaped_and_bounded);
	TEST(the_queue_is_as_it_was_at_the_last_look);
	buf_done(&scratch);
	return test_end();
}
