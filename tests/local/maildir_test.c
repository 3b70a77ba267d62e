#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "local/maildir.h"
#include "tests/local/queued.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/file.h"

static char dir[] = "/tmp/maildir_test.XXXXXX";
static int  write_error;	/* errno of writing out, 0 none */

/* In place of the C library's. */
int
sync_file_range(int fd, off64_t from, off64_t len, unsigned flags)
{
	(void)fd, (void)from, (void)len, (void)flags;
	errno = write_error;
	return write_error == 0 ? 0 : -1;
}

static void
set_up(void)
{
	if (mkdtemp(dir) == NULL || chdir(dir) != 0 ||
	    mkdir("incoming", 0700) != 0 || mkdir("box", 0700) != 0)
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

static enum outcome
add(struct delivery *d, struct why *why)
{
	const struct maildir m = { .path = "box/", .uid = getuid(),
		.gid = getgid(), .waits = true };
	const struct content c = { .delivered_to = "b@example.com" };

	return maildir_add(&m, d, &c, why);
}

/* Takes the files of a folder away: their number, and what the last held. */
static int
take_all(const char *folder, struct buf *text)
{
	DIR	      *open = opendir(folder);
	struct dirent *e;
	char	       path[300];
	int	       count = 0;

	while (open != NULL && (e = readdir(open)) != NULL) {
		if (*e->d_name == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		buf_clear(text);
		CHECK(file_read(path, 1000000, text));
		unlink(path);
		count++;
	}
	if (open != NULL)
		closedir(open);
	return count;
}

static void
lines_end_in_lf_alone(void)
{
	static const struct {
		const char *body, *text;
	} cases[] = {
		{ "\r\none\r\ntwo\r\n", "\none\ntwo\n" },
		{ "\r\nno end", "\nno end\n" },
		{ "\r\na\rb\r\r\n\r\n", "\na\rb\r\n\n" },
		{ "\r\nbare\nlf\r\n", "\nbare\nlf\n" },
		{ "\r\nFrom me\r\n.dot\r\n", "\nFrom me\n.dot\n" },
		{ "\r\ncr\r", "\ncr\r\n" },
	};
	struct buf	body = BUF_INIT, got = BUF_INIT, want = BUF_INIT;
	struct why	why = WHY_INIT;
	struct delivery d;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		buf_set(&body, cases[i].body);
		queued_delivery(&d, "Subject: x\r\n", &body);
		CHECK(add(&d, &why) == DONE);
		CHECK_INT(take_all("box/new", &got), 1);
		buf_set(&want, "Delivered-To: b@example.com\nSubject: x\n");
		buf_adds(&want, cases[i].text);
		CHECK_STR(got.data, want.data);
		queued_done(&d);
	}
	buf_done(&body);
	buf_done(&got);
	buf_done(&want);
	why_done(&why);
}

/* Larger than what is read at once: a line and its CR LF may be cut anywhere. */
static void
a_large_body_loses_nothing(void)
{
	struct buf	body = BUF_INIT, got = BUF_INIT, want = BUF_INIT;
	struct why	why = WHY_INIT;
	struct delivery d;

	buf_adds(&body, "\r\n");
	buf_adds(&want, "Delivered-To: b@example.com\nSubject: x\n\n");
	for (int i = 0; i < 20000; i++) {
		buf_addf(&body, "%.*s\r\n", i % 7, "line...");
		buf_addf(&want, "%.*s\n", i % 7, "line...");
	}
	queued_delivery(&d, "Subject: x\r\n", &body);
	CHECK(add(&d, &why) == DONE);
	CHECK_INT(take_all("box/new", &got), 1);
	CHECK(got.len == want.len && memcmp(got.data, want.data, got.len) == 0);
	queued_done(&d);
	buf_done(&body);
	buf_done(&got);
	buf_done(&want);
	why_done(&why);
}

static void
what_the_disk_did_not_take_is_not_delivered(void)
{
	struct buf	body = BUF_INIT, got = BUF_INIT;
	struct why	why = WHY_INIT;
	struct delivery d;

	buf_adds(&body, "\r\ntext\r\n");
	queued_delivery(&d, "Subject: x\r\n", &body);
	write_error = EIO;
	CHECK(add(&d, &why) == TRY_LATER);
	CHECK_STR(why.text.data, "error writing message: Input/output error");
	CHECK_INT(take_all("box/new", &got) + take_all("box/tmp", &got), 0);
	write_error = ENOSYS;	/* then fsync() has to do */
	CHECK(add(&d, &why) == DONE);
	CHECK_INT(take_all("box/new", &got), 1);
	write_error = 0;
	queued_done(&d);
	buf_done(&body);
	buf_done(&got);
	why_done(&why);
}

int
main(void)
{
	set_up();
	TEST(lines_end_in_lf_alone);
	TEST(a_large_body_loses_nothing);
	TEST(what_the_disk_did_not_take_is_not_delivered);
	tear_down();
	return test_end();
}
