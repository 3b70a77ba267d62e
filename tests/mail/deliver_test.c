#include <fcntl.h>
#include <regex.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "mail/bounce_client.h"
#include "mail/deliver.h"
#include "mail/deliver_proto.h"
#include "mail/queue_dir.h"
#include "tests/queued.h"
#include "tests/test.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/stream.h"

static char dir[] = "/tmp/deliver_test.XXXXXX";
static char id[QUEUE_ID_MAX];

/* --- the bounce service, as far as we need it */

static struct buf told = BUF_INIT;	/* "bounce:failed:5.1.1 " ... */
static bool	  bounce_works = true;

bool
bounce_append(const char *service, const char *queue_id,
    const struct bounce_rcpt *b)
{
	CHECK_STR(queue_id, id);
	buf_addf(&told, "%s:%s:%s ", service, b->action, b->why->dsn);
	return bounce_works;
}

bool
bounce_one(const struct bounce_message *m, const struct bounce_rcpt *b)
{
	CHECK_STR(m->id, id);
	buf_addf(&told, "to %s:%s:%s ", m->sender, b->action, b->why->dsn);
	return bounce_works;
}

/* --- a message with three recipients */

static void
make_message(void)
{
	struct envelope e;

	envelope_init(&e);
	e.sender = "s@x";
	e.arrival_us = clock_wall_us();
	envelope_add_rcpt(&e, "a@x", "a@x", "", 0);
	envelope_add_rcpt(&e, "b b@x", "alias@x", "", 0);
	envelope_add_rcpt(&e, "c@x", "", "", NOTIFY_SUCCESS);
	strcpy(id, queued("active", "Subject: x\r\n", "\r\nx\r\n", 5, &e, 300));
	envelope_done(&e);
}

static void
put_rcpt(struct frame *f, const char *address, const char *original,
    unsigned notify, unsigned index)
{
	size_t group = frame_open(f, DELIVER_KEY_RCPT);

	frame_put_str(f, DELIVER_KEY_RCPT_ADDRESS, address);
	frame_put_str(f, DELIVER_KEY_RCPT_ORIGINAL, original);
	frame_put_u64(f, DELIVER_KEY_RCPT_NOTIFY, notify);
	frame_put_u64(f, DELIVER_KEY_RCPT_INDEX, index);
	frame_close(f, group);
}

/* What deliver_serve() answers to a request; the log lines are in "log". */
static void
exchange(const char *queue_id, unsigned flags,
    void (*deliver)(struct delivery *), struct frame *reply)
{
	int64_t	       now = clock_wall_us();
	struct stream *us, *them;
	int	       fds[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
	us = stream_open(fds[0]);
	them = stream_open(fds[1]);
	frame_begin(reply, DELIVER_REQUEST);
	frame_put_str(reply, DELIVER_KEY_QUEUE, "active");
	frame_put_str(reply, DELIVER_KEY_ID, queue_id);
	frame_put_str(reply, DELIVER_KEY_NEXTHOP, "x");
	frame_put_str(reply, DELIVER_KEY_SENDER, "s@x");
	frame_put_u64(reply, DELIVER_KEY_FLAGS, flags);
	frame_put_u64(reply, DELIVER_KEY_ARRIVAL, (uint64_t)now - 1500000);
	frame_put_u64(reply, DELIVER_KEY_ACTIVE, (uint64_t)now - 1000000);
	frame_put_u64(reply, DELIVER_KEY_HANDED, (uint64_t)now);
	put_rcpt(reply, "a@x", "a@x", 0, 0);
	put_rcpt(reply, "b b@x", "alias@x", 0, 1);
	put_rcpt(reply, "c@x", "", NOTIFY_SUCCESS, 2);
	frame_send(us, reply);
	stream_flush(us);
	shutdown(fds[0], SHUT_WR);
	buf_clear(&told);
	if (ftruncate(STDERR_FILENO, 0) != 0)
		exit(1);
	deliver_serve(them, deliver);
	log_flush();
	stream_close(them);
	CHECK(frame_receive(us, reply, FRAME_MAX));
	CHECK_INT(reply->type, DELIVER_RESULT);
	stream_close(us);
}

static void
check_statuses(const struct frame *reply, const char *want)
{
	struct str got = { "", 0 };

	CHECK(frame_bytes(reply, DELIVER_KEY_STATUSES, &got));
	CHECK(str_is(got, want));
}

/* The status bytes in the file. */
static void
check_marks(const char *want)
{
	struct queue_file f;
	struct envelope	  e;
	char		  got[4] = "";

	envelope_init(&e);
	CHECK(queue_file_open(&f, "active", id, false) == QUEUE_FILE_OK);
	CHECK(queue_file_read_envelope(&f, &e));
	for (uint32_t i = 0; i < e.rcpt_count && i < 3; i++)
		got[i] = e.rcpt[i].status;
	CHECK_STR(got, want);
	queue_file_close(&f);
	envelope_done(&e);
}

static void
check_log(const char *pattern)
{
	struct buf log = BUF_INIT;
	regex_t	   re;

	CHECK(file_read("log", 65536, &log));
	CHECK(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) == 0);
	if (regexec(&re, log.data, 0, NULL, 0) != 0) {
		printf("# no \"%s\" in:\n# %s\n", pattern, log.data);
		CHECK(!"log line");
	}
	regfree(&re);
	buf_done(&log);
}

/* --- agents */

static const struct deliver_via via = { .relay = "r[1.2.3.4]:25",
	.tls = "may:none", .conn_use = 2 };

static void
settle_each_way(struct delivery *d)
{
	struct why why = WHY_INIT;

	why_set(&why, "2.0.0", "taken");
	delivery_sent(d, &d->rcpt[0], &via, &why);
	why_set(&why, "5.1.1", "unknown");
	delivery_bounced(d, &d->rcpt[1], &via, &why);
	why_set(&why, "4.4.1", "no answer");
	delivery_deferred(d, &d->rcpt[2], &via, &why);
	delivery_dead(d, &why);
	why_done(&why);
}

static void
send_all(struct delivery *d)
{
	struct why why = WHY_INIT;

	why_set(&why, "2.0.0", "taken");
	for (size_t i = 0; i < d->rcpt_count; i++)
		delivery_settle(d, &d->rcpt[i], &via, &why);
	why_done(&why);
}

static void
bounce_all(struct delivery *d)
{
	struct why why = WHY_INIT;

	why_set(&why, "4.1.1", "wrong class");
	for (size_t i = 0; i < d->rcpt_count; i++)
		delivery_bounced(d, &d->rcpt[i], &via, &why);
	why_done(&why);
}

static void
bounce_to_owner(struct delivery *d)
{
	static const struct deliver_via of_list = { .relay = "local",
		.bounce_to = "owner-l@x" };
	struct why why = WHY_INIT;

	why_set(&why, "5.1.1", "unknown");
	for (size_t i = 0; i < d->rcpt_count; i++)
		delivery_bounced(d, &d->rcpt[i], &of_list, &why);
	why_done(&why);
}

static void
forget_all(struct delivery *d)
{
	(void)d;
}

/* --- tests */

static void
results_marks_and_reports_agree(void)
{
	struct frame f = FRAME_INIT;

	make_message();
	exchange(id, 0, settle_each_way, &f);
	check_statuses(&f, "sbd");
	check_marks("DD ");
	CHECK_STR(told.data, "bounce:failed:5.1.1 defer:delayed:4.4.1 ");
	CHECK_STR(frame_str(&f, DELIVER_KEY_DEAD_DSN), "4.4.1");
	CHECK_STR(frame_str(&f, DELIVER_KEY_DEAD_TEXT), "no answer");
	frame_done(&f);
}

static void
log_lines_have_their_form(void)
{
	struct frame f = FRAME_INIT;

	make_message();
	exchange(id, 0, settle_each_way, &f);
	check_log(": to=<a@x>, relay=r\\[1.2.3.4\\]:25, conn_use=2, "
	    "delay=[12][.0-9]*, delays=0.5/1/0/[.0-9]+, tls=may:none, dsn=2.0.0, "
	    "status=sent \\(taken\\)\n");
	check_log(": to=<\"b b\"@x>, orig_to=<alias@x>, relay=.*, dsn=5.1.1, "
	    "status=bounced \\(unknown\\)\n");
	check_log("status=deferred \\(no answer\\)\n");
	frame_done(&f);
}

static void
success_is_told_to_who_asked(void)
{
	struct frame f = FRAME_INIT;

	make_message();
	exchange(id, 0, send_all, &f);
	check_statuses(&f, "sss");
	check_marks("DDD");
	CHECK_STR(told.data, "trace:delivered:2.0.0 ");
	CHECK_INT(frame_u64(&f, DELIVER_KEY_TRACED, 0), 1);
	frame_done(&f);
}

static void
verification_only_reports(void)
{
	struct frame f = FRAME_INIT;

	make_message();
	exchange(id, DELIVER_VERIFY, settle_each_way, &f);
	check_statuses(&f, "sss");
	CHECK_STR(told.data, "trace:deliverable:2.0.0 "
	    "trace:undeliverable:5.1.1 trace:undeliverable:4.4.1 ");
	check_log("status=undeliverable \\(unknown\\)");
	frame_done(&f);
}

static void
forgotten_recipients_are_deferred(void)
{
	struct frame f = FRAME_INIT;

	make_message();
	exchange(id, 0, forget_all, &f);
	check_statuses(&f, "ddd");
	check_marks("   ");
	check_log("dsn=4.3.0, status=deferred \\(unknown mail system error");
	frame_done(&f);
}

static void
a_status_of_the_wrong_class_is_put_right(void)
{
	struct frame f = FRAME_INIT;

	make_message();
	exchange(id, 0, bounce_all, &f);
	check_statuses(&f, "bbb");
	check_log("warning: bounce_append: ignoring dsn code \"4.1.1\"");
	check_log("dsn=5.0.0, status=bounced");
	frame_done(&f);
}

static void
a_list_s_owner_is_told_in_the_sender_s_place(void)
{
	struct frame f = FRAME_INIT;

	make_message();
	buf_clear(&told);
	exchange(id, 0, bounce_to_owner, &f);
	check_statuses(&f, "bbb");
	CHECK_STR(told.data, "to owner-l@x:failed:5.1.1 "
	    "to owner-l@x:failed:5.1.1 to owner-l@x:failed:5.1.1 ");
	frame_done(&f);
}

static void
without_bounce_log_nothing_is_bounced(void)
{
	struct frame f = FRAME_INIT;

	make_message();
	bounce_works = false;
	exchange(id, 0, bounce_all, &f);
	bounce_works = true;
	check_statuses(&f, "ddd");
	check_marks("   ");
	frame_done(&f);
}

static void
soft_bounce_defers(void)
{
	struct frame f = FRAME_INIT;

	make_message();
	conf_mail.soft_bounce = true;
	exchange(id, 0, settle_each_way, &f);
	conf_mail.soft_bounce = false;
	check_statuses(&f, "sdd");
	check_log("dsn=4.1.1, status=SOFTBOUNCE \\(unknown\\)");
	frame_done(&f);
}

static void
what_is_wrong_with_a_file_is_told(void)
{
	struct frame f = FRAME_INIT;
	int	     fd;

	exchange("0000012345", 0, send_all, &f);
	CHECK_INT(frame_u64(&f, DELIVER_KEY_FILE, 0), DELIVER_FILE_MISSING);
	fd = open("active/0000012346", O_CREAT | O_WRONLY, 0600);
	CHECK(file_write_all(fd, "x", 1));
	close(fd);
	exchange("0000012346", 0, send_all, &f);
	CHECK_INT(frame_u64(&f, DELIVER_KEY_FILE, 0), DELIVER_FILE_DAMAGED);
	check_statuses(&f, "ddd");
	make_message();
	fd = queue_open("active", id, O_RDONLY);
	CHECK(file_lock(fd, FILE_FLOCK, FILE_EXCLUSIVE, 0));
	exchange(id, 0, send_all, &f);
	CHECK_INT(frame_u64(&f, DELIVER_KEY_FILE, 0), DELIVER_FILE_BUSY);
	check_marks("   ");
	close(fd);
	frame_done(&f);
}

int
main(void)
{
	const char *why;
	int	    ret;

	if (mkdtemp(dir) == NULL || chdir(dir) != 0 ||
	    mkdir("active", 0700) != 0 || mkdir("incoming", 0700) != 0)
		return 1;
	conf_set_dir("/dev/null");
	if (!conf_override("myhostname=x", &why) ||
	    !conf_load(&param_mail, &why)) {
		printf("Bail out! %s\n", why);
		return 1;
	}
	if (freopen("log", "a+", stderr) == NULL)
		return 1;
	TEST(results_marks_and_reports_agree);
	TEST(log_lines_have_their_form);
	TEST(success_is_told_to_who_asked);
	TEST(verification_only_reports);
	TEST(forgotten_recipients_are_deferred);
	TEST(a_status_of_the_wrong_class_is_put_right);
	TEST(a_list_s_owner_is_told_in_the_sender_s_place);
	TEST(without_bounce_log_nothing_is_bounced);
	TEST(soft_bounce_defers);
	TEST(what_is_wrong_with_a_file_is_told);
	buf_done(&told);
	ret = test_end();
	return system("rm -rf active incoming log; rmdir \"$PWD\"") == 0 ?
	    ret : 1;
}
