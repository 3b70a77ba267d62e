/* redis: tables as tasks ask them, and a server that lies. */

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/connect.h"
#include "table/resp.h"
#include "table/table.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/stream.h"
#include "util/task.h"

enum { ASKERS = 40 };

static char dir[] = "/tmp/redis_test.XXXXXX";
static int  connections, served, answered, running;
static const char *canned;	/* instead of an answer; "": silence */

/* Answers GET key with "value of key", "none" with nil. */
static void
serve(void *arg)
{
	struct stream *s = arg;
	struct buf     word = BUF_INIT;
	long	       n, len;

	while (resp_read(s, &word, &n) == RESP_ARRAY) {
		for (long i = 0; i < n; i++)
			if (resp_read(s, &word, &len) != RESP_TEXT)
				break;
		if (canned != NULL) {
			stream_puts(s, canned);
			stream_flush(s);
			if (*canned != '\0')
				break;
			continue;
		}
		/* Others come meanwhile. */
		task_sleep_ms(strcmp(word.data, "slow") == 0 ? 1500 : 2);
		served++;
		if (strcmp(word.data, "none") == 0)
			stream_puts(s, "$-1\r\n");
		else
			stream_printf(s, "$%zu\r\nvalue of %s\r\n",
			    word.len + 9, word.data);
		stream_flush(s);
	}
	stream_close(s);
	buf_done(&word);
}

static void
listener(void *arg)
{
	int lfd = *(int *)arg, fd;

	for (;;) {
		task_wait_accept(lfd, CLOCK_NEVER);
		while ((fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
			connections++;
			task_start("server", serve, stream_open(fd));
		}
	}
}

static struct table *
open_table(const char *more)
{
	struct buf    text = BUF_INIT;
	struct table *t;
	char	      path[80];
	int	      fd;

	snprintf(path, sizeof path, "%s/t.cf", dir);
	buf_addf(&text, "hosts = unix:%s/s\nretry_interval = 0\n%s", dir,
	    more);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0 && write(fd, text.data, text.len) ==
	    (ssize_t)text.len);
	close(fd);
	buf_clear(&text);
	buf_addf(&text, "redis:%s", path);
	t = table_open(text.data, TABLE_FOLD);
	buf_done(&text);
	return t;
}

static struct table *shared;

static void
asker(void *arg)
{
	struct buf value = BUF_INIT;
	char	   key[40], want[60];
	int	   number = (int)(intptr_t)arg;

	for (int i = 0; i < 5; i++) {
		snprintf(key, sizeof key, "Key%d-%d", number, i);
		snprintf(want, sizeof want, "value of key%d-%d", number, i);
		if (table_find(shared, key, &value) == TABLE_FOUND &&
		    strcmp(value.data, want) == 0)
			answered++;
	}
	buf_done(&value);
	if (--running == 0)
		task_stop();
}

static void
many_tasks_share_few_connections(void)
{
	shared = open_table("");
	running = ASKERS;
	answered = connections = served = 0;
	for (int i = 0; i < ASKERS; i++)
		task_start("asker", asker, (void *)(intptr_t)i);
	task_loop();
	CHECK_INT(answered, ASKERS * 5);
	CHECK_INT(served, ASKERS * 5);
	CHECK(connections <= 8);
	table_close(shared);
}

/* In a task, where the server can answer. */
static void
liar(void *arg)
{
	static const char *const lies[] = {
		"", "+", "*1\r\n", "*2\r\n$1\r\n0\r\n", "$5\r\nab",
		"$99999999999\r\n", "$-2\r\n", ":x\r\n", "?\r\n", "\r\n",
		"$2\r\nabcd\r\n", "-ERR no\r\n", "*-5\r\n",
	};
	struct buf    value = BUF_INIT;
	struct table *t;

	(void)arg;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		canned = lies[i];
		t = open_table("timeout = 1\n");
		if (table_find(t, "k", &value) != TABLE_ERROR) {
			printf("# \"%s\" is believed\n", lies[i]);
			answered++;
		}
		table_close(t);
	}
	canned = NULL;
	buf_done(&value);
	task_stop();
}

static void
a_server_that_lies_or_is_silent_is_an_error(void)
{
	answered = 0;
	task_start("liar", liar, NULL);
	task_loop();
	CHECK_INT(answered, 0);
}

static void
slow(void *arg)
{
	struct buf value = BUF_INIT;

	(void)arg;
	if (table_find(shared, "slow", &value) == TABLE_FOUND &&
	    strcmp(value.data, "value of slow") == 0)
		answered++;
	buf_done(&value);
	task_stop();
}

static void
changer(void *arg)
{
	struct buf    value = BUF_INIT;
	struct table *again;

	(void)arg;
	task_sleep_ms(1100);	/* files are looked at once a second */
	again = open_table("result_format = <%s>\n");
	CHECK(again == shared);
	if (table_find(shared, "quick", &value) == TABLE_FOUND &&
	    strcmp(value.data, "<value of quick>") == 0)
		answered++;
	table_close(again);
	buf_done(&value);
}

static void
new_settings_do_not_disturb_a_lookup_that_waits(void)
{
	shared = open_table("");
	answered = 0;
	task_start("slow", slow, NULL);
	task_start("changer", changer, NULL);
	task_loop();
	CHECK_INT(answered, 2);
	table_close(shared);
}

int
main(void)
{
	char path[80];
	int  lfd;

	if (freopen("/dev/null", "w", stderr) == NULL ||
	    mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/s", dir);
	lfd = listen_unix(path, 0600, 20);
	CHECK(lfd >= 0);
	task_start("listener", listener, &lfd);
	TEST(many_tasks_share_few_connections);
	TEST(a_server_that_lies_or_is_silent_is_an_error);
	TEST(new_settings_do_not_disturb_a_lookup_that_waits);
	unlink(path);
	snprintf(path, sizeof path, "%s/t.cf", dir);
	unlink(path);
	rmdir(dir);
	return test_end();
}
