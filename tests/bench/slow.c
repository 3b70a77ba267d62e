/*
 * slow - a thousand slow servers, and a client with mail for all of them
 *
 *	slow sink PORT DELAY each|end	every address of 127/8, port PORT
 *	slow source PORT SESSIONS MESSAGES DOMAINS
 *
 * The sink accepts everything and answers the end of each message after DELAY
 * milliseconds; with "each" the greeting and all other commands too, those that
 * came together at the same time.  It prints "ready", and at the end of its standard input how
 * many messages it took, when (clock_ms) the first and the last were answered,
 * and how many sessions were open at most.
 *
 * The source sends 4 KB messages to u@d0.slow.example, u@d1.slow.example, ...
 * by turns, several a connection, and prints when it began and ended.  Any
 * answer that is not the expected one ends it with status 1.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/addr.h"
#include "net/connect.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/task.h"

enum {
	LINE = 2000,		/* bytes */
	WAIT = 100,		/* seconds */
	A_SESSION = 50,		/* messages of the source */
	BODY_LINES = 51,
};

static void
usage(void)
{
	fprintf(stderr, "usage: slow sink PORT DELAY each|end\n"
	    "       slow source PORT SESSIONS MESSAGES DOMAINS\n");
	exit(2);
}

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "slow: %s: %s\n", what, why);
	exit(1);
}

static struct addr
address(const char *host, const char *port)
{
	struct addr a;

	if (!addr_parse(&a, host, (uint16_t)atoi(port)))
		die(host, "no address");
	return a;
}

/* --- the sink */

static struct {
	int	delay;		/* ms */
	bool	each;
	int	sessions, most_sessions;
	long	messages;
	int64_t first, last;	/* clock_ms */
} sink;

/* Commands that came together have waited together. */
static void
wait_for_command(struct stream *client)
{
	if (sink.each && stream_buffered(client) == 0)
		task_sleep_ms(sink.delay);
}

static bool
skip_message(struct stream *client, struct buf *line)
{
	do {
		if (stream_get_line(client, line, LINE) == LINE_NONE)
			return false;
	} while (strcmp(line->data, ".") != 0);
	return true;
}

static void
take_message(struct stream *client, struct buf *line)
{
	stream_puts(client, "354 Go on\r\n");
	if (!skip_message(client, line))
		return;
	task_sleep_ms(sink.delay);
	stream_puts(client, "250 2.0.0 Taken\r\n");
	if (!stream_flush(client))
		return;
	sink.last = clock_ms();
	if (sink.messages++ == 0)
		sink.first = sink.last;
}

static void
serve(void *arg)
{
	struct stream *client = arg;
	struct buf     line = BUF_INIT;

	if (++sink.sessions > sink.most_sessions)
		sink.most_sessions = sink.sessions;
	stream_set_deadline(client, WAIT);
	wait_for_command(client);
	stream_puts(client, "220 slow.example ESMTP\r\n");
	while (stream_get_line(client, &line, LINE) == LINE_OK) {
		stream_set_deadline(client, WAIT);
		wait_for_command(client);
		if (strncasecmp(line.data, "EHLO", 4) == 0)
			stream_puts(client, "250-slow.example\r\n"
			    "250-PIPELINING\r\n250 8BITMIME\r\n");
		else if (strcasecmp(line.data, "DATA") == 0)
			take_message(client, &line);
		else if (strcasecmp(line.data, "QUIT") == 0)
			break;
		else
			stream_puts(client, "250 2.0.0 Ok\r\n");
	}
	stream_puts(client, "221 2.0.0 Bye\r\n");
	stream_close(client);
	buf_done(&line);
	sink.sessions--;
}

static void
accept_all(void *arg)
{
	int listener = *(int *)arg, fd;

	for (;;) {
		task_wait_accept(listener, CLOCK_NEVER);
		while ((fd = accept4(listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
			task_start("serve", serve, stream_open(fd));
		if (errno != EAGAIN)
			task_sleep_ms(10);	/* no descriptors */
	}
}

static void
until_end_of_input(void *arg)
{
	char byte;

	(void)arg;
	while (task_wait_fd(STDIN_FILENO, TASK_READ, CLOCK_NEVER) &&
	    read(STDIN_FILENO, &byte, 1) != 0)
		continue;
	task_stop();
}

static int
run_sink(char **argv)
{
	struct addr any = address("0.0.0.0", argv[0]);
	int	    fd = listen_inet(&any, 8192);

	if (fd < 0)
		die(argv[0], "cannot listen");
	sink.delay = atoi(argv[1]);
	sink.each = strcmp(argv[2], "each") == 0;
	task_start("accept", accept_all, &fd);
	task_start("end", until_end_of_input, NULL);
	puts("ready");
	fflush(stdout);
	task_loop();
	printf("{\"messages\": %ld, \"first_ms\": %lld, \"last_ms\": %lld,"
	    " \"sessions\": %d}\n", sink.messages, (long long)sink.first,
	    (long long)sink.last, sink.most_sessions);
	return 0;
}

/* --- the source */

static struct {
	struct addr server;
	int	    messages, domains, next;
	int	    sessions;	/* running */
	struct buf  body;
} source;

static void
expect(struct stream *s, const char *code)
{
	struct buf line = BUF_INIT;

	do {
		if (stream_get_line(s, &line, LINE) != LINE_OK)
			die("connection", stream_failed(s) ? stream_failed(s) :
			    "too long a line");
	} while (line.len > 3 && line.data[3] == '-');
	if (strncmp(line.data, code, 3) != 0)
		die("unexpected reply", line.data);
	buf_done(&line);
}

static void
send_one(struct stream *s, int number)
{
	stream_printf(s, "MAIL FROM:<a@source.example>\r\n"
	    "RCPT TO:<u@d%d.slow.example>\r\nDATA\r\n",
	    number % source.domains);
	expect(s, "250");
	expect(s, "250");
	expect(s, "354");
	stream_write(s, source.body.data, source.body.len);
	expect(s, "250");
}

static void
send_some(void)
{
	struct stream *s;
	int	       fd;

	fd = connect_inet(&source.server, NULL, clock_in(WAIT));
	if (fd < 0)
		die("server", "no connection");
	s = stream_open(fd);
	stream_set_deadline(s, WAIT);
	expect(s, "220");
	stream_puts(s, "EHLO source.example\r\n");
	expect(s, "250");
	for (int i = 0; i < A_SESSION && source.next < source.messages; i++)
		send_one(s, source.next++);
	stream_puts(s, "QUIT\r\n");
	expect(s, "221");
	stream_close(s);
}

static void
session(void *arg)
{
	(void)arg;
	while (source.next < source.messages)
		send_some();
	if (--source.sessions == 0)
		task_stop();
}

static int
run_source(char **argv)
{
	int64_t begun = clock_ms();
	int	n = atoi(argv[1]);

	source.server = address("127.0.0.1", argv[0]);
	source.messages = atoi(argv[2]);
	source.domains = atoi(argv[3]);
	source.sessions = n;
	buf_adds(&source.body, "Subject: for a slow server\r\n\r\n");
	for (int i = 0; i < BODY_LINES; i++)
		buf_addf(&source.body, "%078d\r\n", i);
	buf_adds(&source.body, ".\r\n");
	for (int i = 0; i < n; i++)
		task_start("session", session, NULL);
	task_loop();
	buf_done(&source.body);
	printf("{\"begun_ms\": %lld, \"ended_ms\": %lld}\n", (long long)begun,
	    (long long)clock_ms());
	return 0;
}

int
main(int argc, char **argv)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	if (argc == 5 && strcmp(argv[1], "sink") == 0)
		return run_sink(argv + 2);
	if (argc == 6 && strcmp(argv[1], "source") == 0)
		return run_source(argv + 2);
	usage();
}
