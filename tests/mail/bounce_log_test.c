#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/bounce_log.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/mem.h"

static char dir[] = "/tmp/bounce_log_test.XXXXXX";

static struct bounce_record
record(const char *recipient, unsigned index, const char *reason)
{
	return (struct bounce_record){
		.recipient = recipient, .original = "orig", .orcpt =
		    "rfc822;orig@x.example", .notify = 4, .index = index,
		.dsn = "5.1.1", .action = "failed", .reason = reason,
		.diag_type = "smtp", .diag_text = "550 no", .mta_type = "dns",
		.mta_name = "mx.example", .relay = "mx", .time = 1234567890,
	};
}

static void
append_raw(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);

	CHECK(fd >= 0 && file_write_all(fd, text, strlen(text)));
	close(fd);
}

static void
what_was_appended_is_read_back(void)
{
	struct pool	      pool = POOL_INIT;
	struct bounce_record *r, a = record("a@x.example", 0, "no such user"),
			      b = record("b@x.example", 1, "full");
	size_t		      n;

	b.notify = 0;
	b.orcpt = NULL;
	CHECK(bounce_log_append("bounce", "A1", &a));
	CHECK(bounce_log_append("bounce", "A1", &b));
	CHECK(bounce_log_read("bounce", "A1", &pool, &r, &n));
	CHECK_INT(n, 2);
	CHECK_STR(r[0].recipient, "a@x.example");
	CHECK_STR(r[0].original, "orig");
	CHECK_STR(r[0].orcpt, "rfc822;orig@x.example");
	CHECK_STR(r[0].reason, "no such user");
	CHECK_STR(r[0].dsn, "5.1.1");
	CHECK_STR(r[0].action, "failed");
	CHECK_STR(r[0].diag_type, "smtp");
	CHECK_STR(r[0].diag_text, "550 no");
	CHECK_STR(r[0].mta_type, "dns");
	CHECK_STR(r[0].mta_name, "mx.example");
	CHECK_INT(r[0].notify, 4);
	CHECK_INT(r[0].time, 1234567890);
	CHECK_INT(r[1].index, 1);
	CHECK_INT(r[1].notify, 0);
	CHECK_STR(r[1].orcpt, "");
	pool_done(&pool);
	CHECK(bounce_log_remove("bounce", "A1"));
	CHECK(!bounce_log_read("bounce", "A1", &pool, &r, &n));
	CHECK_INT(errno, ENOENT);
}

static void
news_of_a_recipient_replace_the_old(void)
{
	struct pool	      pool = POOL_INIT;
	struct bounce_record *r, a = record("a@x.example", 0, "first"),
			      b = record("b@x.example", 1, "other"),
			      c = record("a@x.example", 0, "second");
	size_t		      n;

	CHECK(bounce_log_append("defer", "A2", &a));
	CHECK(bounce_log_append("defer", "A2", &b));
	CHECK(bounce_log_append("defer", "A2", &c));
	CHECK(bounce_log_read("defer", "A2", &pool, &r, &n));
	CHECK_INT(n, 2);
	CHECK_STR(r[0].reason, "second");
	CHECK_STR(r[1].reason, "other");
	pool_done(&pool);
}

static void
a_recipient_may_fail_in_several_ways(void)
{
	struct pool	      pool = POOL_INIT;
	struct bounce_record *r, a = record("a@x.example", 0, "first"),
			      b = record("a@x.example", 0, "second");
	size_t		      n;

	CHECK(bounce_log_append("bounce", "A7", &a));
	CHECK(bounce_log_append("bounce", "A7", &b));
	CHECK(bounce_log_append("bounce", "A7", &b));
	CHECK(bounce_log_read("bounce", "A7", &pool, &r, &n));
	CHECK_INT(n, 2);
	CHECK_STR(r[0].reason, "first");
	CHECK_STR(r[1].reason, "second");
	pool_done(&pool);
}

static void
a_half_record_is_ignored(void)
{
	static const char *const halves[] = {
		"recipient=x@y\nrea", "recipient=x@y\nreason=z\n",
		"recipient=x@y\nreason=z\n\n", "rec", "\n\n\n", "=\n=\n",
	};
	struct bounce_record *r, a = record("a@x.example", 0, "whole");
	size_t		      n;

	for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
		struct pool pool = POOL_INIT;

		append_raw("bounce/A3", halves[i]);
		CHECK(bounce_log_read("bounce", "A3", &pool, &r, &n));
		CHECK_INT(n, 0);
		CHECK(bounce_log_append("bounce", "A3", &a));
		CHECK(bounce_log_read("bounce", "A3", &pool, &r, &n));
		CHECK_INT(n, 1);
		CHECK_STR(n == 1 ? r[0].reason : "", "whole");
		CHECK(bounce_log_remove("bounce", "A3"));
		pool_done(&pool);
	}
}

static void
a_value_cannot_make_up_a_record(void)
{
	struct pool	      pool = POOL_INIT;
	struct bounce_record *r, a = record("a@x.example", 0,
	    "evil\ntime=1\n\nrecipient=b@x.example\ntime=1\n\n");
	size_t		      n;

	CHECK(bounce_log_append("bounce", "A4", &a));
	CHECK(bounce_log_read("bounce", "A4", &pool, &r, &n));
	CHECK_INT(n, 1);
	CHECK_STR(r[0].reason,
	    "evil?time=1??recipient=b@x.example?time=1??");
	pool_done(&pool);
}

static void
another_attempt_empties_the_log(void)
{
	struct bounce_record a = { .recipient = "a@x", .dsn = "4.0.0",
		.index = 0, .time = 1, .attempt = 111 };
	struct bounce_record b = { .recipient = "b@x", .dsn = "4.0.0",
		.index = 1, .time = 1, .attempt = 111 };
	struct bounce_record later = { .recipient = "b@x", .dsn = "4.1.0",
		.index = 1, .time = 2, .attempt = 1111 };
	struct pool	      pool = POOL_INIT;
	struct bounce_record *r;
	size_t		      n;

	CHECK(bounce_log_append("defer", "A5", &a));
	CHECK(bounce_log_append("defer", "A5", &b));
	CHECK(bounce_log_read("defer", "A5", &pool, &r, &n));
	CHECK_INT(n, 2);
	CHECK(bounce_log_append("defer", "A5", &later));
	CHECK(bounce_log_read("defer", "A5", &pool, &r, &n));
	CHECK_INT(n, 1);
	CHECK_STR(r[0].dsn, "4.1.0");
	CHECK(bounce_log_remove("defer", "A5"));
	pool_done(&pool);
}

int
main(void)
{
	int ret;

	if (mkdtemp(dir) == NULL || chdir(dir) != 0 ||
	    mkdir("bounce", 0700) != 0 || mkdir("defer", 0700) != 0)
		return 1;
	TEST(what_was_appended_is_read_back);
	TEST(news_of_a_recipient_replace_the_old);
	TEST(a_recipient_may_fail_in_several_ways);
	TEST(a_half_record_is_ignored);
	TEST(a_value_cannot_make_up_a_record);
	TEST(another_attempt_empties_the_log);
	ret = test_end();
	return system("rm -rf bounce defer; rmdir \"$PWD\"") == 0 ? ret : 1;
}
