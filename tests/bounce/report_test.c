#include <sys/stat.h>
#include <unistd.h>

#include "bounce/report.h"
#include "conf/conf.h"
#include "tests/queued.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/mem.h"

static char dir[] = "/tmp/report_test.XXXXXX";

static const char *
write_message(uint64_t size)
{
	struct envelope e;
	const char     *id;

	envelope_init(&e);
	e.sender = "alice@home.example";
	e.arrival_us = e.created_us = clock_wall_us();
	envelope_add_rcpt(&e, "a@far.example", "a@far.example", "", 0);
	id = queued("incoming", "Subject: x\r\nMessage-Id: <m@x.example>\r\n",
	    "\r\ntext\r\n", 8, &e, size);
	envelope_done(&e);
	return id;
}

static struct bounce_record records[] = {
	{ .recipient = "a@far.example", .original = "a@far.example",
	    .orcpt = "rfc822;o@far.example", .dsn = "5.1.1",
	    .action = "failed", .reason = "host mx said: 550 no",
	    .diag_type = "smtp", .diag_text = "550 no", .mta_type = "dns",
	    .mta_name = "mx.far.example" },
	{ .recipient = "b c@far.example", .original = "b", .orcpt = "",
	    .notify = NOTIFY_NEVER, .dsn = "5.0.0", .action = "failed",
	    .reason = "unknown user: \"b\"", .diag_type = "",
	    .diag_text = "", .mta_type = "", .mta_name = "" },
};

static void
write_piece(void *arg, const char *bytes, size_t len)
{
	buf_add(arg, bytes, len);
}

static void
whole(struct buf *b, struct report *r, const struct bounce_message *m)
{
	struct report_message	about;
	struct bounce_templates set;

	bounce_templates_init(&set, NULL);
	report_message_init(&about, m);
	mem_free(about.boundary);
	about.boundary = mem_strdup("BOUNDARY");
	r->about = &about;
	r->t = &set.t[TEMPLATE_FAILURE];
	report_header(b, r);
	report_text(b, r);
	report_status(b, r);
	CHECK(report_original(r, write_piece, b));
	r->about = NULL;
	report_message_done(&about);
}

static void
has(const struct buf *b, const char *text)
{
	if (strstr(b->data, text) == NULL) {
		test_ok = false;
		printf("# missing: %s\n", text);
	}
}

static void
a_report_has_its_three_parts(void)
{
	struct buf	      b = BUF_INIT;
	struct bounce_message m = { .queue = "incoming",
		.id = write_message(100), .sender = "alice@home.example",
		.envid = "my+id", .encoding = "7bit" };
	struct report r = { .recipient = m.sender, .records = records,
		.count = 1, .notify = NOTIFY_FAILURE };

	whole(&b, &r, &m);
	has(&b, "From: Mail Delivery System <MAILER-DAEMON@home.example>\r\n"
	    "Subject: Undelivered Mail Returned to Sender\r\n"
	    "To: alice@home.example\r\n"
	    "Auto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"BOUNDARY\"\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n"
	    "This is a MIME-encapsulated message.\r\n\r\n"
	    "--BOUNDARY\r\n"
	    "Content-Description: Notification\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n"
	    "This is the mail system at host mx.home.example.\r\n");
	has(&b, "                   The mail system\r\n\r\n"
	    "<a@far.example>: host mx said: 550 no\r\n\r\n"
	    "--BOUNDARY\r\n"
	    "Content-Description: Delivery report\r\n"
	    "Content-Type: message/delivery-status\r\n\r\n"
	    "Reporting-MTA: dns; mx.home.example\r\n"
	    "Original-Envelope-Id: my+id\r\n");
	has(&b, "\r\nX-Mail-of-A-Z-Sender: rfc822; alice@home.example\r\n"
	    "Arrival-Date: ");
	has(&b, "\r\n\r\nFinal-Recipient: rfc822; a@far.example\r\n"
	    "Original-Recipient: rfc822;o@far.example\r\n"
	    "Action: failed\r\nStatus: 5.1.1\r\n"
	    "Remote-MTA: dns; mx.far.example\r\n"
	    "Diagnostic-Code: smtp; 550 no\r\n\r\n--BOUNDARY\r\n"
	    "Content-Description: Undelivered Message\r\n"
	    "Content-Type: message/rfc822\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n"
	    "Return-Path: <alice@home.example>\r\n"
	    "Subject: x\r\nMessage-Id: <m@x.example>\r\n\r\ntext\r\n\r\n"
	    "--BOUNDARY--\r\n");
	buf_done(&b);
}

static void
who_wants_no_notice_is_left_out(void)
{
	struct buf	      b = BUF_INIT;
	struct bounce_message m = { .queue = "", .id = "A1",
		.sender = "", .encoding = "" };
	struct report r = { .recipient = "postmaster", .records = records,
		.count = 2, .notify = NOTIFY_FAILURE, .to_postmaster = true };

	CHECK_INT(report_count(&r), 1);
	whole(&b, &r, &m);
	CHECK(strstr(b.data, "b c") == NULL);
	r.notify = 0;
	CHECK_INT(report_count(&r), 2);
	buf_clear(&b);
	whole(&b, &r, &m);
	has(&b, "Subject: Postmaster Copy: Undelivered Mail\r\n"
	    "To: postmaster@home.example\r\n"
	    "Auto-Submitted: auto-generated\r\n");
	has(&b, "\r\n\r\n\r\n<a@far.example>: host");
	has(&b, "<\"b c\"@far.example> (expanded from <b>): unknown user: "
	    "\"b\"\r\n");
	has(&b, "Sender: rfc822; MAILER-DAEMON@mx.home.example\r\n");
	has(&b, "Original-Recipient: rfc822; b\r\n");
	has(&b, "; unknown user: \"b\"\r\n\r\n--BOUNDARY--\r\n");
	buf_done(&b);
}

static void
a_large_original_is_cut_to_its_header(void)
{
	struct buf	      b = BUF_INIT;
	struct bounce_message m = { .queue = "incoming",
		.id = write_message(60000), .sender = "alice@home.example",
		.encoding = "7bit", .env_flags = ENV_SMTPUTF8 };
	struct report r = { .recipient = m.sender, .records = records,
		.count = 1, .ret = RET_FULL };

	whole(&b, &r, &m);
	has(&b, "Content-Type: message/global-delivery-status\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n");
	has(&b, "Content-Description: Undelivered Message Headers\r\n"
	    "Content-Type: message/global-headers\r\n");
	has(&b, "Message-Id: <m@x.example>\r\n\r\n--BOUNDARY--\r\n");
	buf_done(&b);
}

static void
long_lines_are_folded_at_79(void)
{
	static const struct { const char *text, *want; } rows[] = {
		{ "short", "short\r\n" },
		{ "<ok@far.example>: host mx.far.example[198.51.100.10] said:"
		    " 554 5.7.1 the content is refused",
		    "<ok@far.example>: host mx.far.example[198.51.100.10] "
		    "said: 554 5.7.1 the\r\n    content is refused\r\n" },
		{ "1234567890 1234567890123456789012345678901234567890"
		    "1234567890123456789012345678901234567890 x",
		    "1234567890\r\n    1234567890123456789012345678901234567890"
		    "1234567890123456789012345678901234567890\r\n    x\r\n" },
		{ "", "\r\n" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = BUF_INIT;

		report_fold(&b, rows[i].text);
		CHECK_STR(b.data, rows[i].want);
		buf_done(&b);
	}
}

int
main(void)
{
	FILE	   *f;
	const char *why;
	int	    ret;

	if (mkdtemp(dir) == NULL || chdir(dir) != 0 ||
	    mkdir("incoming", 0700) != 0 ||
	    (f = fopen("main.cf", "w")) == NULL)
		return 1;
	fprintf(f, "compatibility_level = 3.11\nmyhostname = mx.home.example\n"
	    "mydomain = home.example\nmyorigin = $mydomain\n"
	    "mail_name = Mail of A:Z\n");
	fclose(f);
	conf_set_dir(dir);
	if (!conf_read(&why) || !conf_load(&param_mail, &why)) {
		printf("Bail out! %s\n", why);
		return 1;
	}
	TEST(a_report_has_its_three_parts);
	TEST(who_wants_no_notice_is_left_out);
	TEST(a_large_original_is_cut_to_its_header);
	TEST(long_lines_are_folded_at_79);
	ret = test_end();
	return system("rm -rf incoming main.cf; rmdir \"$PWD\"") == 0 ?
	    ret : 1;
}
