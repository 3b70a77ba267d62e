#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "local/mbox.h"
#include "tests/local/queued.h"
#include "tests/test.h"
#include "util/file.h"

static char dir[] = "/tmp/mbox_test.XXXXXX";

static void
set_up(void)
{
	if (mkdtemp(dir) == NULL || chdir(dir) != 0 ||
	    mkdir("incoming", 0700) != 0)
		exit(1);
}

static void
tear_down(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	if (chdir("/") != 0 || system(command) != 0)
		exit(1);
}

static void
put(const char *text)
{
	int fd = open("box", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && file_write_all(fd, text, strlen(text)));
	close(fd);
}

static enum outcome
add(const char *body, long size_limit, off_t *offset, struct why *why)
{
	struct delivery		d;
	struct buf		text = BUF_INIT;
	const struct mbox	m = {
		.path = "box", .uid = getuid(), .gid = getgid(),
		.must_be_file = true, .locks = MBOX_FCNTL | MBOX_DOTLOCK,
		.lock_attempts = 1, .lock_delay = 1, .stale_seconds = 500,
		.size_limit = size_limit, .offset = offset,
	};
	const struct content	c = {
		.delivered_to = "b@example.com", .quote_from = true,
		.final_empty_line = true,
	};
	enum outcome		got;

	buf_adds(&text, body);
	queued_delivery(&d, "Subject: x\r\n", &text);
	d.file.t.content_flags = CONTENT_FROM_LINE;
	got = mbox_append(&m, &d, &c, why);
	queued_done(&d);
	buf_done(&text);
	return got;
}

static void
holds(const char *wanted)
{
	struct buf got = BUF_INIT;

	CHECK(file_read("box", 100000, &got));
	CHECK_STR(got.data, wanted);
	CHECK(access("box.lock", F_OK) != 0);
	buf_done(&got);
}

#define MESSAGE "Delivered-To: b@example.com\nSubject: x\n\n>From me\ntext\n\n"

static void
a_message_comes_behind_what_is_there(void)
{
	static const struct { const char *before, *after; off_t offset; }
	rows[] = {
		{ "", MESSAGE, 0 },
		{ "one\n\n", "one\n\n" MESSAGE, 5 },
		/* a crash in the midst of a line */
		{ "one\nhalf a li", "one\nhalf a li\n" MESSAGE, 14 },
	};
	struct why why = WHY_INIT;
	off_t	   offset;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		put(rows[i].before);
		offset = -1;
		CHECK(add("\r\nFrom me\r\ntext\r\n", 0, &offset, &why) == DONE);
		holds(rows[i].after);
		CHECK_INT(offset, rows[i].offset);
	}
	why_done(&why);
}

static void
a_full_mailbox_stays_as_it_is(void)
{
	struct why why = WHY_INIT;

	put("one\nhalf");
	CHECK(add("\r\ntext\r\n", 5, NULL, &why) == FAILED);
	CHECK_STR(why.dsn, "5.2.2");
	CHECK_STR(why.text.data, "error writing message: File too large");
	holds("one\nhalf");
	why_done(&why);
}

static void
links_are_not_followed(void)
{
	static const struct { const char *target, *reason; } rows[] = {
		{ "there", "file is a symbolic link" },
		{ "nowhere", "cannot open file: No such file or directory" },
	};
	struct why why = WHY_INIT;

	CHECK(chmod(".", 0770) == 0);	/* else root's links would be */
	CHECK(close(open("there", O_WRONLY | O_CREAT, 0600)) == 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unlink("box");
		CHECK(symlink(rows[i].target, "box") == 0);
		CHECK(add("\r\ntext\r\n", 0, NULL, &why) == FAILED);
		CHECK_STR(why.dsn, "5.2.0");
		CHECK_STR(why.text.data, rows[i].reason);
		CHECK(access("nowhere", F_OK) != 0);
	}
	unlink("box");
	why_done(&why);
}

static void
a_second_name_is_refused(void)
{
	struct why why = WHY_INIT;

	put("one\n");
	CHECK(link("box", "other") == 0);
	CHECK(add("\r\ntext\r\n", 0, NULL, &why) == FAILED);
	CHECK_STR(why.text.data, "file has 2 hard links");
	holds("one\n");
	why_done(&why);
}

int
main(void)
{
	set_up();
	TEST(a_message_comes_behind_what_is_there);
	TEST(a_full_mailbox_stays_as_it_is);
	TEST(links_are_not_followed);
	TEST(a_second_name_is_refused);
	tear_down();
	return test_end();
}
