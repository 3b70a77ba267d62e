#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mail/queue_dir.h"
#include "mail/queue_file.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/task.h"

static char dir[] = "/tmp/queue_file_test.XXXXXX";
static int  sync_error;		/* errno of fsync(), 0: the kernel's own */
static int  sync_ms;		/* it takes so much longer */

/* In place of util/sys_journal.c's: the test's file system may be any. */
static bool has_journal;

bool
file_sync_has_name(int fd)
{
	(void)fd;
	return has_journal;
}

bool
file_sync_has_name_on(int fd, dev_t dev)
{
	(void)fd, (void)dev;
	return has_journal;
}

/* In place of the C library's. */
int
fsync(int fd)
{
	usleep((useconds_t)sync_ms * 1000);
	if (sync_error == 0)
		return (int)syscall(SYS_fsync, fd);
	errno = sync_error;
	return -1;
}

static void
set_up(void)
{
	if (mkdtemp(dir) == NULL || chdir(dir) != 0 ||
	    mkdir("incoming", 0700) != 0 || mkdir("deferred", 0700) != 0 ||
	    mkdir("maildrop", 0700) != 0)
		exit(1);
}

static void
tear_down(void)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "rm -rf %s", dir);
	if (chdir("/") != 0 || system(b.data) != 0)
		exit(1);
	buf_done(&b);
}

/* A message of `rcpts` recipients; its id. */
static const char *
write_message(const char *queue, bool long_id, uint32_t rcpts)
{
	static char	     id[QUEUE_ID_MAX];
	struct queue_writer  w;
	struct queue_trailer t = { .size = 42, .content_flags = CONTENT_8BIT,
	    .longest_line = 9 };
	struct envelope	     e;
	struct buf	     header = BUF_INIT;
	char		     address[40];

	if (!queue_writer_open(&w, queue, long_id))
		return NULL;
	strcpy(id, w.id);
	queue_writer_body(&w, "\r\nbody\r\n", 8);
	buf_adds(&header, "Subject: x\r\n");
	envelope_init(&e);
	e.sender = "alice@x.example";
	e.arrival_us = 1234567;
	envelope_set(&e, ATTR_HELO_NAME, "client.example");
	for (uint32_t i = 0; i < rcpts; i++) {
		snprintf(address, sizeof address, "user%u@x.example", i);
		envelope_add_rcpt(&e, address, "orig", "rfc822;o",
		    NOTIFY_FAILURE);
	}
	if (!queue_writer_commit(&w, &header, &e, &t))
		strcpy(id, "-");
	envelope_done(&e);
	buf_done(&header);
	return id;
}

static void
writes_and_reads_a_message(void)
{
	struct queue_file q;
	struct envelope	  e;
	struct buf	  header = BUF_INIT;
	const char	 *id = write_message("incoming", false, 3);

	CHECK(queue_id_is_valid(id));
	CHECK_INT(queue_file_open(&q, "incoming", id, false), QUEUE_FILE_OK);
	CHECK_INT(q.t.body_len, 8);
	CHECK_INT(q.t.size, 42);
	CHECK_INT(q.t.rcpt_count, 3);
	CHECK(queue_file_read_header(&q, &header));
	CHECK_STR(header.data, "Subject: x\r\n");
	envelope_init(&e);
	CHECK(queue_file_read_envelope(&q, &e));
	CHECK_STR(e.sender, "alice@x.example");
	CHECK_STR(envelope_get(&e, ATTR_HELO_NAME), "client.example");
	CHECK_STR(envelope_get(&e, ATTR_CLIENT_NAME), "");
	CHECK_INT(e.rcpt_count, 3);
	CHECK_STR(e.rcpt[2].address, "user2@x.example");
	CHECK_STR(e.rcpt[2].original, "orig");
	CHECK_STR(e.rcpt[2].orcpt, "rfc822;o");
	CHECK_INT(e.rcpt[2].notify, NOTIFY_FAILURE);
	CHECK_INT(e.rcpt[2].status, RCPT_TODO);
	envelope_done(&e);
	buf_done(&header);
	queue_file_close(&q);
}

static void
an_aborted_message_leaves_nothing(void)
{
	struct queue_writer w;
	struct queue_scan  *s;

	CHECK(queue_writer_open(&w, "maildrop", false));
	queue_writer_body(&w, "x", 1);
	queue_writer_abort(&w);
	s = queue_scan_open("maildrop");
	CHECK(queue_scan_next(s) == NULL);
	queue_scan_close(s);
}

static void
marks_recipients_done(void)
{
	struct queue_file q;
	struct envelope	  e;
	const char	 *id = write_message("incoming", true, 5);
	uint32_t	  next;

	CHECK(queue_id_time(id) > 0);
	CHECK_INT(queue_file_open(&q, "incoming", id, true), QUEUE_FILE_OK);
	CHECK(queue_file_mark(&q, 1, RCPT_DONE));
	CHECK(!queue_file_mark(&q, 5, RCPT_DONE));
	envelope_init(&e);
	CHECK(queue_file_read_some(&q, &e, 0, 3, &next));
	CHECK_INT(next, 3);
	CHECK_INT(e.rcpt_count, 2);
	CHECK_STR(e.rcpt[1].address, "user2@x.example");
	CHECK_INT(e.rcpt[1].index, 2);
	envelope_clear(&e);
	CHECK(queue_file_read_some(&q, &e, 3, 100, &next));
	CHECK_INT(next, 5);
	CHECK_INT(e.rcpt_count, 2);
	envelope_done(&e);
	queue_file_close(&q);
}

static void
add_piece(void *to, const char *bytes, size_t len)
{
	buf_add(to, bytes, len);
}

static void
copies_a_part_or_says_that_it_is_cut_off(void)
{
	struct queue_file q;
	struct buf	  b = BUF_INIT;
	const char	 *id = write_message("incoming", false, 1);

	CHECK_INT(queue_file_open(&q, "incoming", id, true), QUEUE_FILE_OK);
	CHECK(queue_file_copy(&q, queue_file_header_at(&q), q.t.header_len,
	    add_piece, &b));
	CHECK_STR(b.data, "Subject: x\r\n");
	CHECK(queue_file_copy(&q, queue_file_body_at(&q), 0, add_piece, &b));
	CHECK_INT(b.len, q.t.header_len);
	CHECK(ftruncate(q.fd, 4) == 0);
	errno = 0;
	CHECK(!queue_file_copy(&q, queue_file_body_at(&q), q.t.body_len,
	    add_piece, &b));
	CHECK_INT(errno, EIO);
	buf_done(&b);
	queue_file_close(&q);
	queue_remove("incoming", id);
}

static void
finds_damage(void)
{
	const char	 *id = write_message("incoming", false, 2);
	struct queue_file q;
	struct envelope	  e;
	struct buf	  header = BUF_INIT;
	int		  fd = queue_open("incoming", id, O_RDWR);
	uint32_t	  next = 77;
	char		  c = 'X';

	envelope_init(&e);
	/* a byte of the envelope */
	CHECK(pwrite(fd, &c, 1, 8 + 12 + 12) == 1);
	CHECK_INT(queue_file_open(&q, "incoming", id, false), QUEUE_FILE_OK);
	CHECK(!queue_file_read_envelope(&q, &e));
	CHECK(!queue_file_read_some(&q, &e, 0, 2, &next) && next == 77);
	/* an end that is missing: seen too late, and at once */
	CHECK(ftruncate(fd, 10) == 0);
	CHECK(!queue_file_read_header(&q, &header) && header.len == 0);
	CHECK(!queue_file_read_some(&q, &e, 1, 2, &next) && next == 77);
	queue_file_close(&q);
	CHECK(ftruncate(fd, 60) == 0);
	CHECK_INT(queue_file_open(&q, "incoming", id, false),
	    QUEUE_FILE_DAMAGED);
	CHECK(ftruncate(fd, 300) == 0);
	CHECK_INT(queue_file_open(&q, "incoming", id, false),
	    QUEUE_FILE_DAMAGED);
	CHECK_INT(queue_file_open(&q, "incoming", "ABCDEF123", false),
	    QUEUE_FILE_MISSING);
	close(fd);
	buf_done(&header);
	envelope_done(&e);
}

/* No reading of a changed file may do more than fail. */
static void
survives_any_changed_byte(void)
{
	const char	 *id = write_message("incoming", false, 2);
	struct queue_file q;
	struct envelope	  e;
	int		  fd = queue_open("incoming", id, O_RDWR);
	struct stat	  st;
	char		  was, now;

	CHECK(fstat(fd, &st) == 0);
	for (off_t at = 20; at < st.st_size; at++) {
		CHECK(pread(fd, &was, 1, at) == 1);
		now = (char)(was ^ 0x41);
		CHECK(pwrite(fd, &now, 1, at) == 1);
		envelope_init(&e);
		if (queue_file_open(&q, "incoming", id, false) ==
		    QUEUE_FILE_OK) {
			CHECK(!queue_file_read_envelope(&q, &e));
			queue_file_close(&q);
		}
		envelope_done(&e);
		CHECK(pwrite(fd, &was, 1, at) == 1);
	}
	close(fd);
}

static void
hashed_queues_get_their_directories(void)
{
	const char *id = write_message("incoming", false, 1);
	char	    path[60], first[QUEUE_ID_MAX];

	queue_dir_init("deferred, defer", 2);
	strcpy(first, id);
	CHECK(queue_move(id, "incoming", "deferred"));
	snprintf(path, sizeof path, "deferred/%c/%c/%s", id[0], id[1], id);
	CHECK(access(path, F_OK) == 0);

	struct queue_scan *s = queue_scan_open("deferred");

	CHECK_STR(queue_scan_next(s), first);
	CHECK(queue_scan_next(s) == NULL);
	queue_scan_close(s);
	CHECK(queue_remove("deferred", id));
	CHECK(!queue_remove("deferred", id) && errno == ENOENT);
	CHECK(!queue_move(id, "incoming", "deferred") && errno == ENOENT);
	id = write_message("deferred", true, 1);
	CHECK(queue_id_is_valid(id));
}

static void
ids_have_both_of_postfixs_forms(void)
{
	char id[QUEUE_ID_MAX];

	queue_id_make(id, INT64_C(1763774091) * 1000000 + 0xABCD, 0x1f2e,
	    false);
	CHECK_STR(id, "0ABCD1F2E");
	CHECK(queue_id_is_valid(id));
	CHECK_INT(queue_id_time(id), -1);
	queue_id_make(id, INT64_C(1763774091) * 1000000 + 43981, 0x1f2e, true);
	CHECK(queue_id_is_valid(id));
	CHECK(strchr(id, 'z') == id + 10);
	CHECK_INT(queue_id_time(id), INT64_C(1763774091) * 1000000 + 43981);
	CHECK(!queue_id_is_valid(""));
	CHECK(!queue_id_is_valid("ABC"));
	CHECK(!queue_id_is_valid("../../etc/passwd"));
	CHECK(!queue_id_is_valid("0ABCD1F2E/"));
	CHECK(!queue_id_is_valid("0abcd1f2e"));
	CHECK(!queue_id_is_valid(".tmp-12-3"));
}

static void
sizes_are_counted_as_postfix_does(void)
{
	CHECK_INT(queue_size_of_line(0, 2048), 2);
	CHECK_INT(queue_size_of_line(127, 2048), 129);
	CHECK_INT(queue_size_of_line(128, 2048), 131);
	CHECK_INT(queue_size_of_line(2048, 2048), 2051);
	CHECK_INT(queue_size_of_line(3000, 2048), 2051 + 952 + 3);
	CHECK_INT(queue_size_of_line(16384, 0), 16384 + 4);
}

/* --- many tasks commit to one directory */

static int finished;

static void
commit_one(void *arg)
{
	(void)arg;
	CHECK(queue_id_is_valid(write_message("incoming", false, 1)));
	if (++finished % 50 == 0)
		task_stop();
}

static void
commits_of_many_tasks_share_their_syncs(void)
{
	for (int journal = 0; journal < 2; journal++) {
		has_journal = journal;
		finished = 0;
		for (int i = 0; i < 50; i++)
			task_start("commit", commit_one, NULL);
		task_loop();
		CHECK_INT(finished, 50);
	}
}

static void
commit_some(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++) {
		CHECK(queue_id_is_valid(write_message("incoming", false, 1)));
		finished++;
	}
	if (finished == 200)
		task_stop();
}

/* Then there are several groups, and those who wait come into the next. */
static void
commits_share_slow_syncs(void)
{
	sync_ms = 6;
	has_journal = true;
	finished = 0;
	for (int i = 0; i < 40; i++)
		task_start("commit", commit_some, NULL);
	task_loop();
	sync_ms = 0;
	CHECK_INT(finished, 200);
}

static void
commit_in_vain(void *arg)
{
	(void)arg;
	CHECK_STR(write_message("hold", false, 1), "-");
	if (++finished % 20 == 0)
		task_stop();
}

static void
a_sync_that_fails_fails_for_all_who_share_it(void)
{
	CHECK_INT(mkdir("hold", 0700), 0);
	sync_error = EIO;
	for (int journal = 0; journal < 2; journal++) {
		has_journal = journal;
		finished = 0;
		for (int i = 0; i < 20; i++)
			task_start("commit", commit_in_vain, NULL);
		task_loop();
		CHECK_INT(finished, 20);
	}
	sync_error = 0;
	CHECK_INT(rmdir("hold"), 0);
}

static void
a_body_is_read_back_and_written_anew(void)
{
	struct queue_writer w;
	char		   *big = malloc(100000), got[100];

	memset(big, 'x', 100000);
	CHECK(queue_writer_open(&w, "maildrop", false));
	queue_writer_body(&w, big, 100000);
	queue_writer_body(&w, "end", 3);
	/* 64 KB of it are in the file, the rest is in memory */
	CHECK_INT(queue_writer_read(&w, 65535, got, sizeof got), 1);
	CHECK_INT(queue_writer_read(&w, 65536, got, sizeof got), 100);
	CHECK_INT(queue_writer_read(&w, 100000, got, sizeof got), 3);
	CHECK(memcmp(got, "end", 3) == 0);
	CHECK_INT(queue_writer_read(&w, 100003, got, sizeof got), 0);
	queue_writer_restart(&w);
	CHECK_INT(w.body_len, 0);
	queue_writer_body(&w, "new", 3);
	CHECK_INT(queue_writer_read(&w, 0, got, sizeof got), 3);
	CHECK(memcmp(got, "new", 3) == 0);
	queue_writer_body(&w, big, 100000);
	CHECK_INT(queue_writer_read(&w, 2, got, 2), 2);
	CHECK_INT(queue_writer_read(&w, 3, got, 2), 2);
	CHECK(got[0] == 'x' && w.error == 0);
	queue_writer_abort(&w);
	free(big);
}

int
main(void)
{
	set_up();
	TEST(writes_and_reads_a_message);
	TEST(an_aborted_message_leaves_nothing);
	TEST(a_body_is_read_back_and_written_anew);
	TEST(marks_recipients_done);
	TEST(copies_a_part_or_says_that_it_is_cut_off);
	TEST(finds_damage);
	TEST(survives_any_changed_byte);
	TEST(hashed_queues_get_their_directories);
	TEST(ids_have_both_of_postfixs_forms);
	TEST(sizes_are_counted_as_postfix_does);
	TEST(commits_of_many_tasks_share_their_syncs);
	TEST(commits_share_slow_syncs);
	TEST(a_sync_that_fails_fails_for_all_who_share_it);
	tear_down();
	return test_end();
}
