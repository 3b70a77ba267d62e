#include <fcntl.h>
#include <unistd.h>

#include "mail/bounce_log.h"
#include "mail/envelope.h"
#include "mail/queue_dir.h"
#include "mail/queue_file.h"
#include "mail/queue_list.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/frame.h"
#include "util/mem.h"

static void
goes_through_a_frame_and_back(void)
{
	struct queue_list_rcpt rcpts[] = {
		{ "a@x", "", "busy" }, { "b@x", "was@y", "busy" },
		{ "c@x", "", "" }, { "d@x", "", "down" },
	};
	struct queue_list_entry in = {
		.queue = "deferred", .id = "ABC123", .sender = "",
		.arrival = 1234567890, .size = 4711, .forced_expire = true,
		.rcpt = rcpts, .rcpt_count = 4,
	}, out;
	struct frame f = FRAME_INIT;
	struct pool pool = POOL_INIT;

	queue_list_write(&f, &in);
	CHECK(queue_list_read(&f, &pool, &out));
	CHECK_STR(out.queue, "deferred");
	CHECK_STR(out.id, "ABC123");
	CHECK_STR(out.sender, "");
	CHECK_INT(out.arrival, 1234567890);
	CHECK_INT(out.size, 4711);
	CHECK(out.forced_expire);
	CHECK_INT(out.rcpt_count, 4);
	for (size_t i = 0; i < out.rcpt_count; i++) {
		CHECK_STR(out.rcpt[i].address, rcpts[i].address);
		CHECK_STR(out.rcpt[i].original, rcpts[i].original);
		CHECK_STR(out.rcpt[i].reason, rcpts[i].reason);
	}
	pool_done(&pool);
	frame_done(&f);
}

static void
refuses_a_frame_that_lacks_something(void)
{
	struct frame f = FRAME_INIT;
	struct pool pool = POOL_INIT;
	struct queue_list_entry out;

	frame_begin(&f, SHOWQ_ENTRY);
	CHECK(!queue_list_read(&f, &pool, &out));
	frame_put_str(&f, 1, "deferred");
	frame_put_str(&f, 2, "ABC123");
	frame_put(&f, 3, "a\0b", 3);
	CHECK(!queue_list_read(&f, &pool, &out));
	pool_done(&pool);
	frame_done(&f);
}

/* --- from a queue of our own */

static char root[] = "/tmp/queue_list_test.XXXXXX";

static void
make_queue(void)
{
	static const char *const dirs[] = { "maildrop", "incoming", "active",
		"deferred", "hold", "defer" };

	if (mkdtemp(root) == NULL || chdir(root) != 0)
		exit(1);
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		mkdir(dirs[i], 0700);
	queue_dir_init("deferred defer", 1);
}

static void
add_message(const char *queue, char *ret_id)
{
	struct queue_writer w;
	struct queue_trailer facts = { .size = 100 };
	struct envelope e;
	struct buf header = BUF_INIT;

	envelope_init(&e);
	e.sender = "s@home.example";
	e.arrival_us = 1234567890123456;
	envelope_add_rcpt(&e, "a@x", "a@x", "", 0);
	envelope_add_rcpt(&e, "b@x", "was@y", "", 0);
	envelope_add_rcpt(&e, "c@x", "c@x", "", 0);
	buf_adds(&header, "Subject: x\r\n");
	CHECK(queue_writer_open(&w, queue, false));
	e.queue_id = w.id;
	CHECK(queue_writer_commit(&w, &header, &e, &facts));
	strcpy(ret_id, w.id);
	buf_done(&header);
	envelope_done(&e);
}

static void
add_record(const char *id, const char *address, unsigned index,
    const char *reason)
{
	struct bounce_record r = { .recipient = address, .original = "",
		.orcpt = "", .index = index, .dsn = "4.0.0",
		.action = "delayed", .reason = reason, .diag_type = "",
		.diag_text = "", .mta_type = "", .mta_name = "",
		.relay = "none", .time = 1 };

	CHECK(bounce_log_append("defer", id, &r));
}

static void
mark_done(const char *queue, const char *id, uint32_t index)
{
	struct queue_file q;

	CHECK(queue_file_open(&q, queue, id, true) == QUEUE_FILE_OK);
	CHECK(queue_file_mark(&q, index, RCPT_DONE));
	queue_file_close(&q);
}

static struct buf seen = BUF_INIT;

static bool
see(void *arg, const struct queue_list_entry *e)
{
	int *left = arg;

	buf_addf(&seen, "%s %s %lld %llu%s", e->queue, e->sender,
	    (long long)e->arrival, (unsigned long long)e->size,
	    e->forced_expire ? " expire" : "");
	for (size_t i = 0; i < e->rcpt_count; i++)
		buf_addf(&seen, " %s/%s/%s", e->rcpt[i].address,
		    e->rcpt[i].original, e->rcpt[i].reason);
	buf_addc(&seen, '\n');
	return --*left > 0;
}

static const char *
list(int limit)
{
	buf_clear(&seen);
	queue_list(see, &limit);
	return seen.data;
}

static void
lists_who_is_left_with_the_latest_reason(void)
{
	char id[QUEUE_ID_MAX];

	add_message("deferred", id);
	add_record(id, "a@x", 0, "first");
	add_record(id, "c@x", 2, "gone");
	add_record(id, "b@x", 1, "busy");
	add_record(id, "a@x", 0, "busy");
	add_record(id, "other@x", 1, "not this message");
	mark_done("deferred", id, 2);
	CHECK_STR(list(9), "deferred s@home.example 1234567890 100 "
	    "a@x//busy b@x/was@y/busy\n");
	CHECK(queue_remove("deferred", id));
}

static void
goes_through_the_queues_until_told_to_stop(void)
{
	char id[QUEUE_ID_MAX];
	struct buf path = BUF_INIT;

	add_message("hold", id);
	queue_path(&path, "hold", id);
	CHECK(chmod(path.data, 0600 | QUEUE_MODE_EXPIRED) == 0);
	add_message("active", id);
	CHECK_STR(list(9), "active s@home.example 1234567890 100 a@x/a@x/ "
	    "b@x/was@y/ c@x/c@x/\nhold s@home.example 1234567890 100 expire "
	    "a@x/a@x/ b@x/was@y/ c@x/c@x/\n");
	CHECK_STR(list(1), "active s@home.example 1234567890 100 a@x/a@x/ "
	    "b@x/was@y/ c@x/c@x/\n");
	buf_done(&path);
}

/* As postdrop leaves it: the content is all body. */
static void
add_submission(const char *content, const char *rcpt, bool extract)
{
	struct queue_writer w;
	struct queue_trailer facts = { .size = strlen(content) };
	struct envelope e;
	const struct buf no_header = BUF_INIT;

	envelope_init(&e);
	e.sender = "alice";
	e.arrival_us = 1234567890123456;
	envelope_set(&e, ATTR_FULL_NAME, "Alice");
	if (rcpt != NULL)
		envelope_add_rcpt(&e, rcpt, "", "", 0);
	if (extract)
		envelope_set(&e, ATTR_EXTRACT_NOTIFY, "0");
	CHECK(queue_writer_open(&w, "maildrop", false));
	queue_writer_body(&w, content, strlen(content));
	CHECK(queue_writer_commit(&w, &no_header, &e, &facts));
	envelope_done(&e);
	list(1);
	CHECK(queue_remove("maildrop", w.id));
}

static void
shows_submissions_with_the_size_of_postfixs_files(void)
{
	add_submission("Subject: a\r\n\r\ntext\r\n", "bob", false);
	CHECK_STR(seen.data, "maildrop alice 1234567890 87 bob//\n");
	add_submission("To: bob\r\nCc: x@y.example\r\n\r\ntext\r\n", NULL,
	    true);
	CHECK_STR(seen.data, "maildrop alice 1234567890 114 bob// "
	    "x@y.example//\n");
}

static void
leaves_out_what_is_no_message(void)
{
	int fd = open("incoming/ABCDE12345", O_WRONLY | O_CREAT, 0600);

	CHECK(fd >= 0 && write(fd, "half", 4) == 4);
	close(fd);
	CHECK(strstr(list(9), "incoming") == NULL);
}

int
main(void)
{
	char *remove;
	int   status;

	make_queue();
	TEST(goes_through_a_frame_and_back);
	TEST(refuses_a_frame_that_lacks_something);
	TEST(lists_who_is_left_with_the_latest_reason);
	TEST(goes_through_the_queues_until_told_to_stop);
	TEST(shows_submissions_with_the_size_of_postfixs_files);
	TEST(leaves_out_what_is_no_message);
	buf_done(&seen);
	status = test_end();
	remove = mem_printf("rm -rf %s", root);
	if (chdir("/") == 0)
		status |= system(remove);
	mem_free(remove);
	return status;
}
