#include <string.h>

#include "mail/tlsrpt.h"
#include "mail/tlsrpt_datagram.h"
#include "tests/test.h"
#include "util/buf.h"

static const char *
receivers(const char *text)
{
	static struct buf    b = BUF_INIT;
	struct pool	     pool = POOL_INIT;
	struct tlsrpt_record r;

	buf_clear(&b);
	if (!tlsrpt_parse_record(&pool, text, strlen(text), &r))
		buf_adds(&b, "none");
	else {
		for (size_t i = 0; i < r.mail_count; i++)
			buf_addf(&b, "<%s>", r.mail[i]);
		for (size_t i = 0; i < r.https_count; i++)
			buf_addf(&b, "(%s)", r.https[i]);
	}
	pool_done(&pool);
	return b.data;
}

static void
a_record_names_who_wants_reports(void)
{
	CHECK_STR(receivers("v=TLSRPTv1;rua=mailto:reports@example.com"),
	    "<reports@example.com>");
	CHECK_STR(receivers("v=TLSRPTv1; rua=https://r.example.com/v1/tlsrpt"),
	    "(https://r.example.com/v1/tlsrpt)");
	CHECK_STR(receivers("v=TLSRPTv1; rua=mailto:a@b.example , "
	    "https://c.example/ ; x=y;"),
	    "<a@b.example>(https://c.example/)");
	CHECK_STR(receivers("v=TLSRPTv1;rua=mailto:a%40b.example!10m"),
	    "<a@b.example>");
}

static void
what_can_not_be_reached_is_left_out(void)
{
	CHECK_STR(receivers("v=TLSRPTv1;rua=mailto:a@b.example,ftp://x,"
	    "mailto:,mailto:a,mailto:a@,mailto:@b,mailto:a%0d%0ab@c.example,"
	    "mailto:%3Cx@y.example,http://z.example/"), "<a@b.example>");
	CHECK_STR(receivers("v=TLSRPTv1;rua=https://a.example/\n\001b"),
	    "none");
	CHECK_STR(receivers("v=TLSRPTv1;rua=ftp://x"), "none");
	CHECK_STR(receivers("v=TLSRPTv1;"), "none");
	CHECK_STR(receivers("v=TLSRPTv1"), "none");
	CHECK_STR(receivers("v=TLSRPTv2;rua=mailto:a@b.example"), "none");
	CHECK_STR(receivers("v=spf1 -all"), "none");
	CHECK_STR(receivers(""), "none");
}

static const struct tlsrpt_result good = {
	.domain = "a.example", .policy_type = "sts",
	.policy_domain = "a.example",
	.policy = "version: STSv1\nmode: enforce\n",
	.mx_patterns = "*.a.example\n",
};

static const struct tlsrpt_result bad = {
	.domain = "a.example", .policy_type = "sts",
	.policy_domain = "a.example",
	.policy = "version: STSv1\nmode: enforce\n",
	.mx_patterns = "*.a.example\n",
	.failure = "certificate-expired", .reason = "a \"b\" c",
	.sending_ip = "192.0.2.1", .mx_host = "mx.a.example",
	.receiving_ip = "192.0.2.2",
};

static const char report[] =
    "{\"organization-name\":\"Us\",\"date-range\":"
    "{\"start-datetime\":\"1970-01-02T00:00:00Z\","
    "\"end-datetime\":\"1970-01-02T23:59:59Z\"},"
    "\"contact-info\":\"me@us.example\",\"report-id\":\"1\",\"policies\":["
    "{\"policy\":{\"policy-type\":\"sts\",\"policy-string\":"
    "[\"version: STSv1\",\"mode: enforce\"],\"policy-domain\":\"a.example\","
    "\"mx-host\":[\"*.a.example\"]},\"summary\":"
    "{\"total-successful-session-count\":5,"
    "\"total-failure-session-count\":2},\"failure-details\":["
    "{\"result-type\":\"certificate-expired\","
    "\"sending-mta-ip\":\"192.0.2.1\","
    "\"receiving-mx-hostname\":\"mx.a.example\","
    "\"receiving-ip\":\"192.0.2.2\",\"failed-session-count\":2,"
    "\"failure-reason-code\":\"a \\\"b\\\" c\"}]}]}\n";

static void
check_report(const struct tlsrpt_tally *t)
{
	static const struct tlsrpt_report head = {
		.organization = "Us", .contact = "me@us.example", .id = "1",
		.start = 86400, .end = 2 * 86400 - 1,
	};
	struct buf b = BUF_INIT;

	tlsrpt_write_report(&b, &head, t);
	CHECK_STR(b.data, report);
	buf_done(&b);
}

static void
sessions_are_counted_into_a_report(void)
{
	struct tlsrpt_tally *t = tlsrpt_tally_new();

	CHECK(tlsrpt_tally_is_empty(t));
	tlsrpt_count(t, &good, 2);
	tlsrpt_count(t, &bad, 1);
	tlsrpt_count(t, &good, 3);
	tlsrpt_count(t, &bad, 1);
	CHECK(tlsrpt_tally_total(t) == 7);
	check_report(t);
	tlsrpt_tally_free(t);
}

static void
load(struct tlsrpt_tally *t, struct buf *journal)
{
	char *next = journal->data, *end;

	while ((end = strchr(next, '\n')) != NULL) {
		struct pool	     pool = POOL_INIT;
		struct tlsrpt_result r;
		uint64_t	     n = 0;

		*end = '\0';
		CHECK(tlsrpt_parse_news(&pool, next, &r, &n));
		CHECK_STR(r.domain, "a.example");
		tlsrpt_count_old(t, &r, n);
		pool_done(&pool);
		next = end + 1;
	}
}

static void
a_journal_brings_all_back(void)
{
	struct tlsrpt_tally *t = tlsrpt_tally_new();
	struct tlsrpt_tally *again = tlsrpt_tally_new();
	struct buf	     b = BUF_INIT;

	tlsrpt_count(t, &good, 2);
	tlsrpt_write_news(&b, t, "a.example");
	tlsrpt_count(t, &good, 3);
	tlsrpt_count(t, &bad, 2);
	tlsrpt_write_news(&b, t, "a.example");
	tlsrpt_write_news(&b, t, "a.example");
	load(again, &b);
	check_report(again);
	/* what was read is not written again */
	buf_clear(&b);
	tlsrpt_write_news(&b, again, "a.example");
	CHECK(b.len == 0);
	buf_done(&b);
	tlsrpt_tally_free(t);
	tlsrpt_tally_free(again);
}

static void
damaged_lines_are_refused(void)
{
	static const char *const lines[] = {
		"", "1", "x a sts", "1 a.example sts a + + + + + +",
		"1 + sts a + + + + + + +",
		"1 a.example sts a + + + + + + + +",
		"1 a.example sts a +4 + + + + + +",
		"-1 a.example sts a + + + + + + +",
		"99999999999 a.example sts a + + + + + + +",
	};
	struct pool	     pool = POOL_INIT;
	struct tlsrpt_result r;
	uint64_t	     n;

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		CHECK(!tlsrpt_parse_news(&pool, pool_strdup(&pool, lines[i]),
		    &r, &n));
	CHECK(tlsrpt_parse_news(&pool, pool_strdup(&pool,
	    "1 a.example sts a + + + + + + +"), &r, &n));
	pool_done(&pool);
}

static void
counts_go_together(void)
{
	struct tlsrpt_tally *a = tlsrpt_tally_new(), *b = tlsrpt_tally_new();

	tlsrpt_count(a, &good, 4);
	tlsrpt_count(b, &good, 1);
	tlsrpt_count(b, &bad, 2);
	tlsrpt_tally_merge(a, b);
	check_report(a);
	tlsrpt_tally_free(a);
	tlsrpt_tally_free(b);
}

static void
a_flood_of_different_failures_is_bounded(void)
{
	struct tlsrpt_tally *t = tlsrpt_tally_new();
	struct tlsrpt_result r = bad;
	struct buf	     b = BUF_INIT;
	char		     host[32];

	r.mx_host = host;
	for (int i = 0; i < 100000; i++) {
		snprintf(host, sizeof host, "mx%d.a.example", i);
		tlsrpt_count(t, &r, 1);
	}
	CHECK(tlsrpt_tally_total(t) == 100000);
	tlsrpt_write_news(&b, t, "a.example");
	CHECK(b.len < 100000);
	buf_done(&b);
	tlsrpt_tally_free(t);
}

static const char *
datagram(const struct tlsrpt_result *r)
{
	static struct buf b = BUF_INIT;

	buf_clear(&b);
	return tlsrpt_write_datagram(&b, r, "v=TLSRPTv1; rua=mailto:x@y") ?
	    b.data : "none";
}

static void
an_external_reporter_is_told_each_session(void)
{
	static const struct tlsrpt_result plain = {
		.domain = "b.example", .policy_type = "no-policy-found",
		.policy_domain = "b.example",
		.failure = "starttls-not-supported",
	}, odd = {
		.domain = "b.example", .policy_type = "tlsa",
		.failure = "too-hot",
	};

	CHECK_STR(datagram(&good), "{\"dpv\":\"1\",\"d\":\"a.example\","
	    "\"pr\":\"v=TLSRPTv1; rua=mailto:x@y\",\"policies\":["
	    "{\"policy-type\":2,\"policy-domain\":\"a.example\","
	    "\"policy-string\":[\"version: STSv1\",\"mode: enforce\"],"
	    "\"mx-host\":[\"*.a.example\"],\"t\":0,\"f\":0}]}");
	CHECK(strstr(datagram(&bad), "],\"failure-details\":[{\"c\":204,"
	    "\"s\":\"192.0.2.1\",\"n\":\"mx.a.example\","
	    "\"r\":\"192.0.2.2\",\"f\":\"a \\\"b\\\" c\"}],"
	    "\"t\":1,\"f\":1}]}") != NULL);
	CHECK(strstr(datagram(&plain), "\"policies\":[{\"policy-type\":9,"
	    "\"policy-domain\":\"b.example\",\"failure-details\":"
	    "[{\"c\":201}],\"t\":1,\"f\":1}]}") != NULL);
	CHECK_STR(datagram(&odd), "none");
}

static void
unsound_results_are_left_out(void)
{
	struct tlsrpt_tally *t = tlsrpt_tally_new();
	struct tlsrpt_result r = good;

	r.policy_type = "spf";
	tlsrpt_count(t, &r, 1);
	r.policy_type = NULL;
	tlsrpt_count(t, &r, 1);
	CHECK(tlsrpt_tally_is_empty(t));
	tlsrpt_tally_free(t);
}

int
main(void)
{
	TEST(a_record_names_who_wants_reports);
	TEST(what_can_not_be_reached_is_left_out);
	TEST(sessions_are_counted_into_a_report);
	TEST(a_journal_brings_all_back);
	TEST(damaged_lines_are_refused);
	TEST(counts_go_together);
	TEST(a_flood_of_different_failures_is_bounded);
	TEST(an_external_reporter_is_told_each_session);
	TEST(unsound_results_are_left_out);
	return test_end();
}
