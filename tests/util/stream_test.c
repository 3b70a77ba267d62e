#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/stream.h"
#include "util/task.h"

/* Two ends of a connection; `raw` is a plain blocking descriptor. */
static struct stream *
open_pair(int *raw)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		abort();
	*raw = fd[1];
	return stream_open(fd[0]);
}

static void
put(int fd, const char *bytes)
{
	size_t len = strlen(bytes);

	if (write(fd, bytes, len) != (ssize_t)len)
		abort();
}

/* --- lines */

static const struct {
	const char	*input;
	size_t		 max;
	const char	*want;		/* results, each ended by '|': the line
					   with '+' too long, '$' end */
} line_cases[] = {
	{ "one\r\ntwo\nthree", 10, "one|two|$three|" },
	{ "\r\n\n\r\r\n", 10, "||\r|$|" },
	{ "12345\r\n12345\n123456\r\n", 5, "12345|12345|+12345|6|$|" },
	{ "12345\rx\n", 5, "+12345|\rx|$|" },
	{ "1234\r\r\n", 5, "1234\r|$|" },
	{ "12345\r\r\n", 5, "+12345|\r|$|" },
	{ "1234567890abc\n", 3, "+123|+456|+789|+0ab|c|$|" },
	{ "a\rb\nc\r", 10, "a\rb|$c\r|" },
	{ "abc\r", 3, "$abc\r|" },
	{ "", 3, "$|" },
};

static void
collect_lines(struct stream *s, size_t max, struct buf *result)
{
	struct buf line = BUF_INIT;
	enum line  got;

	do {
		got = stream_get_line(s, &line, max);
		if (got != LINE_OK)
			buf_addc(result, got == LINE_NONE ? '$' : '+');
		buf_add(result, line.data, line.len);
		buf_addc(result, '|');
	} while (got != LINE_NONE);
	buf_done(&line);
}

static void
lines_are_cut_at_lf_or_crlf(void)
{
	for (size_t i = 0; i < sizeof line_cases / sizeof *line_cases; i++) {
		struct buf     result = BUF_INIT;
		struct stream *s;
		int	       raw;

		s = open_pair(&raw);
		put(raw, line_cases[i].input);
		close(raw);
		collect_lines(s, line_cases[i].max, &result);
		CHECK_STR(result.data, line_cases[i].want);
		CHECK(stream_at_eof(s));
		CHECK_STR(stream_failed(s), "end of file");
		CHECK(!stream_close(s));
		buf_done(&result);
	}
}

struct dribble {
	int		 fd;
	const char	*bytes;
};

static void
dribble(void *arg)
{
	struct dribble *d = arg;

	for (const char *p = d->bytes; *p != '\0'; p++) {
		if (write(d->fd, p, 1) != 1)
			abort();
		task_sleep_ms(1);
	}
	close(d->fd);
}

static struct stream *dribbled;
static size_t	      dribbled_max;
static struct buf     dribbled_result = BUF_INIT;

static void
collect_dribble(void *arg)
{
	(void)arg;
	collect_lines(dribbled, dribbled_max, &dribbled_result);
	task_stop();
}

static void
lines_that_come_byte_by_byte_are_the_same(void)
{
	for (size_t i = 0; i < sizeof line_cases / sizeof *line_cases; i++) {
		struct dribble d = { .bytes = line_cases[i].input };

		dribbled = open_pair(&d.fd);
		dribbled_max = line_cases[i].max;
		buf_clear(&dribbled_result);
		task_start("dribble", dribble, &d);
		task_start("collect", collect_dribble, NULL);
		task_loop();
		CHECK_STR(dribbled_result.data, line_cases[i].want);
		stream_close(dribbled);
	}
	buf_done(&dribbled_result);
}

static void
a_line_may_be_longer_than_the_buffer(void)
{
	struct stream *s;
	struct buf     line = BUF_INIT;
	char	       bytes[1000];
	int	       raw;

	s = open_pair(&raw);
	memset(bytes, 'x', sizeof bytes);
	for (int i = 0; i < 20; i++)
		if (write(raw, bytes, sizeof bytes) != sizeof bytes)
			abort();
	put(raw, "\r\nnext\r\n");
	CHECK(stream_get_line(s, &line, 100000) == LINE_OK);
	CHECK_INT(line.len, 20000);
	CHECK(stream_get_line(s, &line, 100000) == LINE_OK);
	CHECK_STR(line.data, "next");
	CHECK_INT(stream_bytes_in(s), 20008);
	stream_close(s);
	close(raw);
	buf_done(&line);
}

/* --- reading without lines */

static void
peek_shows_and_skip_consumes(void)
{
	struct stream *s;
	const char    *p;
	size_t	       len;
	int	       raw;

	s = open_pair(&raw);
	CHECK_INT(stream_pending(s), 0);
	put(raw, "abc");
	CHECK_INT(stream_buffered(s), 0);
	CHECK_INT(stream_pending(s), 3);
	p = stream_peek(s, &len);
	CHECK(p != NULL && len == 3 && memcmp(p, "abc", 3) == 0);
	stream_skip(s, 1);
	put(raw, "def");
	p = stream_peek_more(s, 2, &len);
	CHECK(p != NULL && len == 5 && memcmp(p, "bcdef", 5) == 0);
	stream_skip(s, 5);
	close(raw);
	CHECK_INT(stream_pending(s), 0);	/* the end is not an error yet */
	CHECK(stream_failed(s) == NULL);
	CHECK(stream_peek(s, &len) == NULL);
	CHECK(stream_at_eof(s));
	stream_close(s);
}

/* More than a buffer at once for who keeps up with it; lines as ever. */
static void
who_reads_much_gets_large_pieces(void)
{
	struct buf     text = BUF_INIT, got = BUF_INIT, line = BUF_INIT;
	struct stream *s;
	const char    *p;
	size_t	       len, largest = 0;
	int	       raw;

	for (int i = 0; i < 15000; i++)
		buf_addf(&text, "line %d\r\n", i);
	s = open_pair(&raw);
	put(raw, text.data);
	put(raw, "last\r\n");
	while (got.len < text.len && (p = stream_peek(s, &len)) != NULL) {
		if (len > largest)
			largest = len;
		if (len > 1)
			len = len * 2 / 3;
		if (len > text.len - got.len)
			len = text.len - got.len;
		buf_add(&got, p, len);
		stream_skip(s, len);
	}
	CHECK(largest > STREAM_BUFFER);
	CHECK_STR(got.data, text.data);
	put(raw, text.data);
	close(raw);
	CHECK(stream_get_line(s, &line, 100) == LINE_OK);
	CHECK_STR(line.data, "last");
	for (int i = 0; i < 15000; i++)
		CHECK(stream_get_line(s, &line, 100) == LINE_OK);
	CHECK_STR(line.data, "line 14999");
	CHECK(stream_get_line(s, &line, 100) == LINE_NONE);
	stream_close(s);
	buf_done(&text);
	buf_done(&got);
	buf_done(&line);
}

static void
exact_reads_take_what_is_buffered_and_the_rest(void)
{
	static char    bytes[30000], got[30000];
	struct stream *s;
	int	       raw;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 7 + i / 256);
	s = open_pair(&raw);
	if (write(raw, bytes, sizeof bytes) != sizeof bytes)
		abort();
	CHECK(stream_read(s, got, 10));
	CHECK(stream_read(s, got + 10, 29000));
	CHECK(stream_read(s, got + 29010, 990));
	CHECK(memcmp(bytes, got, sizeof got) == 0);
	close(raw);
	CHECK(!stream_read(s, got, 1));
	stream_close(s);
}

static void
a_deadline_ends_a_read(void)
{
	struct stream *s;
	struct buf     line = BUF_INIT;
	int	       raw;

	s = open_pair(&raw);
	put(raw, "half a line");
	stream_set_deadline_at(s, clock_ms() + 30);
	CHECK(stream_get_line(s, &line, 100) == LINE_NONE);
	CHECK_STR(line.data, "half a line");
	CHECK(stream_timed_out(s));
	CHECK(!stream_at_eof(s));
	CHECK_STR(stream_failed(s), "timed out");
	stream_puts(s, "nothing");		/* does nothing */
	CHECK(!stream_flush(s));
	CHECK(!stream_close(s));
	CHECK(read(raw, &(char){ 0 }, 1) == 0);
	close(raw);
	buf_done(&line);
}

/* --- writing */

static void
reading_sends_what_was_written(void)
{
	struct stream *s;
	struct buf     line = BUF_INIT;
	char	       got[100];
	int	       raw;

	s = open_pair(&raw);
	stream_printf(s, "%d %s\r\n", 220, "ready");
	CHECK(recv(raw, got, sizeof got, MSG_DONTWAIT) < 0);
	put(raw, "QUIT\r\n");
	CHECK(stream_get_line(s, &line, 100) == LINE_OK);
	CHECK_INT(recv(raw, got, sizeof got, MSG_DONTWAIT), 11);
	CHECK(memcmp(got, "220 ready\r\n", 11) == 0);

	/* With a second line at hand nothing is sent in between. */
	put(raw, "A\r\nB\r\n");
	CHECK(stream_get_line(s, &line, 100) == LINE_OK);
	stream_puts(s, "1");
	CHECK(stream_get_line(s, &line, 100) == LINE_OK);
	CHECK(recv(raw, got, sizeof got, MSG_DONTWAIT) < 0);
	CHECK(stream_close(s));
	CHECK_INT(recv(raw, got, sizeof got, MSG_DONTWAIT), 1);
	close(raw);
	buf_done(&line);
}

static void
the_answer_goes_out_before_the_end_is_seen(void)
{
	struct stream *s;
	struct buf     line = BUF_INIT;
	char	       got[100];
	int	       raw;

	s = open_pair(&raw);
	put(raw, "HELO\n");
	shutdown(raw, SHUT_WR);
	CHECK(stream_get_line(s, &line, 100) == LINE_OK);
	stream_puts(s, "250\n");
	CHECK(stream_get_line(s, &line, 100) == LINE_NONE);
	CHECK_INT(recv(raw, got, sizeof got, MSG_DONTWAIT), 4);
	stream_close(s);
	close(raw);
	buf_done(&line);
}

static struct stream *big_out, *big_in;
enum { BIG = 3000000 };

static char
big_byte(size_t i)
{
	return (char)(i * 31 + i / 1000);
}

static void
write_big(void *arg)
{
	static const size_t steps[] = { 1, 100, 8191, 8192, 8193, 50000, 3 };
	size_t		    done = 0;

	(void)arg;
	for (int i = 0; done < BIG; i++) {
		size_t n = steps[i % 7];
		char  *p;

		if (n > BIG - done)
			n = BIG - done;
		p = malloc(n);
		for (size_t k = 0; k < n; k++)
			p[k] = big_byte(done + k);
		stream_write(big_out, p, n);
		free(p);
		done += n;
	}
	CHECK(stream_close(big_out));
}

static void
read_big(void *arg)
{
	size_t	    done = 0, len;
	const char *p;
	bool	    same = true;

	(void)arg;
	while ((p = stream_peek(big_in, &len)) != NULL) {
		for (size_t i = 0; i < len; i++)
			same = same && p[i] == big_byte(done + i);
		done += len;
		stream_skip(big_in, len);
	}
	CHECK(same);
	CHECK_INT(done, BIG);
	stream_close(big_in);
	task_stop();
}

static void
large_writes_keep_order_and_wait(void)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		abort();
	big_out = stream_open(fd[0]);
	big_in = stream_open(fd[1]);
	task_start("write", write_big, NULL);
	task_start("read", read_big, NULL);
	task_loop();
}

static void
printf_of_any_length(void)
{
	struct stream *s;
	static char    text[20000], got[40000];
	size_t	       n = 0;
	ssize_t	       r;
	int	       raw;

	s = open_pair(&raw);
	memset(text, 'x', sizeof text - 1);
	stream_printf(s, "%.8000s", text);
	stream_printf(s, "%.500s", text);
	stream_printf(s, "%s.", text);
	CHECK(stream_close(s));
	while ((r = read(raw, got + n, sizeof got - n)) > 0)
		n += (size_t)r;
	CHECK_INT(n, 8000 + 500 + 19999 + 1);
	CHECK(got[n - 1] == '.' && got[n - 2] == 'x');
	close(raw);
}

static void
writing_to_a_closed_peer_fails_without_a_signal(void)
{
	struct stream *s;
	int	       raw;

	s = open_pair(&raw);
	close(raw);
	stream_puts(s, "x");
	CHECK(!stream_flush(s));
	CHECK_STR(stream_failed(s), "Broken pipe");
	CHECK(!stream_close(s));
}

/* --- files */

static int
make_file(size_t len)
{
	char name[] = "/tmp/stream_test.XXXXXX";
	int  fd = mkstemp(name);

	unlink(name);
	for (size_t i = 0; i < len; i++)
		if (write(fd, &(char){ big_byte(i) }, 1) != 1)
			abort();
	return fd;
}

static size_t file_len;
static int    file_fd;

static void
send_file(void *arg)
{
	struct stream *s = arg;

	stream_puts(s, "head");
	stream_send_file(s, file_fd, 5, file_len);
	stream_puts(s, "tail");
	CHECK(stream_close(s));
}

static void
receive_file(void *arg)
{
	struct stream *s = arg;
	char	       word[4], *p = malloc(file_len + 1);
	bool	       same = true;

	CHECK(stream_read(s, word, 4) && memcmp(word, "head", 4) == 0);
	CHECK(stream_read(s, p, file_len));
	for (size_t i = 0; i < file_len; i++)
		same = same && p[i] == big_byte(i + 5);
	CHECK(same);
	CHECK(stream_read(s, word, 4) && memcmp(word, "tail", 4) == 0);
	CHECK(!stream_read(s, word, 1));
	stream_close(s);
	free(p);
	task_stop();
}

static void
files_of_all_sizes_are_sent(void)
{
	static const size_t sizes[] = { 1, 8184, 8188, 9000, 16383, 16384,
	    100000, 700000 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		int fd[2];

		file_len = sizes[i];
		file_fd = make_file(file_len + 5);
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
			abort();
		task_start("send", send_file, stream_open(fd[0]));
		task_start("receive", receive_file, stream_open(fd[1]));
		task_loop();
		close(file_fd);
	}
}

static void
a_short_file_fails_the_stream(void)
{
	static const size_t sizes[] = { 100, 20000 };

	for (int i = 0; i < 2; i++) {
		struct stream *s;
		int	       raw, fd = make_file(sizes[i]);

		s = open_pair(&raw);
		stream_send_file(s, fd, 0, sizes[i] + 1);
		CHECK_STR(stream_failed(s), "file is shorter than expected");
		stream_close(s);
		close(raw);
		close(fd);
	}
}

/* --- descriptors */

static void
a_descriptor_travels_with_the_next_byte(void)
{
	struct stream *a, *b;
	char	       c;
	int	       fd[2], pipe_fd[2], got;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0 ||
	    pipe(pipe_fd) < 0)
		abort();
	a = stream_open(fd[0]);
	b = stream_open(fd[1]);
	stream_puts(a, "1");
	stream_send_fd(a, pipe_fd[1]);
	stream_puts(a, "2");
	CHECK(stream_flush(a));
	close(pipe_fd[1]);
	CHECK(stream_read(b, &c, 1) && c == '1');
	CHECK(stream_read(b, &c, 1) && c == '2');
	got = stream_take_fd(b);
	CHECK(got >= 0);
	CHECK_INT(stream_take_fd(b), -1);
	CHECK(write(got, "x", 1) == 1);
	CHECK(read(pipe_fd[0], &c, 1) == 1 && c == 'x');
	close(got);
	close(pipe_fd[0]);
	stream_close(a);
	stream_close(b);
}

static void
a_pipe_is_left_as_blocking_as_it_was(void)
{
	struct stream *s;
	int	       fd[2];

	if (pipe(fd) < 0)
		abort();
	s = stream_open(fd[1]);
	CHECK(fcntl(fd[1], F_GETFL) & O_NONBLOCK);
	stream_puts(s, "x");
	CHECK(stream_flush(s));
	CHECK_INT(stream_detach(s), fd[1]);
	CHECK((fcntl(fd[1], F_GETFL) & O_NONBLOCK) == 0);
	close(fd[0]);
	close(fd[1]);
}

/* --- another transport: every byte xor 1, one at a time, slow */

struct xor_state {
	int	calls;
};

static ssize_t
xor_read(void *arg, int fd, void *p, size_t len, int *wait)
{
	struct xor_state *x = arg;
	char		  c;

	(void)len;
	*wait = TASK_READ;
	if (x->calls++ % 3 == 0) {
		*wait = TASK_WRITE;	/* as TLS may want */
		errno = EAGAIN;
		return -1;
	}
	if (read(fd, &c, 1) != 1)
		return -1;
	*(char *)p = c ^ 1;
	return 1;
}

static ssize_t
xor_write(void *arg, int fd, const void *p, size_t len, int *wait)
{
	char c = *(const char *)p ^ 1;

	(void)arg, (void)wait, (void)len;
	return write(fd, &c, 1);
}

static void
xor_close(void *arg, int fd)
{
	(void)fd;
	free(arg);
}

static const struct stream_ops xor_ops = { xor_read, xor_write, xor_close };

static void
another_transport_below(void)
{
	struct stream *s;
	struct buf     line = BUF_INIT;
	char	       got[10];
	int	       raw, fd = make_file(3);

	s = open_pair(&raw);
	stream_set_ops(s, &xor_ops, calloc(1, sizeof(struct xor_state)));
	put(raw, "`c\v");			/* "ab\n" */
	CHECK(stream_get_line(s, &line, 100) == LINE_OK);
	CHECK_STR(line.data, "ab");
	stream_puts(s, "abc");
	stream_send_file(s, fd, 0, 3);
	CHECK(stream_close(s));
	CHECK_INT(read(raw, got, sizeof got), 6);
	CHECK(memcmp(got, "`cb", 3) == 0 && got[3] == (big_byte(0) ^ 1));
	close(raw);
	close(fd);
	buf_done(&line);
}

/* --- waiting for input that may not come */

static struct {
	int	raw;
	bool	awaited, missed, read_later;
} await;

static void
talk_late(void *arg)
{
	(void)arg;
	task_sleep_ms(20);
	put(await.raw, "one");
	task_sleep_ms(60);
	put(await.raw, "two");
}

static void
await_input(void *arg)
{
	struct stream *s = arg;
	const char    *p;
	size_t	       len;

	stream_set_deadline(s, 5);
	await.awaited = stream_await(s, clock_in(5)) == 3;
	stream_skip(s, 3);
	await.missed = stream_await(s, clock_ms() + 20) == 0 &&
	    stream_failed(s) == NULL;
	p = stream_peek(s, &len);	/* the edge is not lost */
	await.read_later = p != NULL && len == 3;
	stream_close(s);
	task_stop();
}

static void
awaiting_loses_no_input(void)
{
	task_start("await", await_input, open_pair(&await.raw));
	task_start("talk", talk_late, NULL);
	task_loop();
	CHECK(await.awaited);
	CHECK(await.missed);
	CHECK(await.read_later);
	close(await.raw);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	TEST(lines_are_cut_at_lf_or_crlf);
	TEST(lines_that_come_byte_by_byte_are_the_same);
	TEST(a_line_may_be_longer_than_the_buffer);
	TEST(peek_shows_and_skip_consumes);
	TEST(who_reads_much_gets_large_pieces);
	TEST(exact_reads_take_what_is_buffered_and_the_rest);
	TEST(a_deadline_ends_a_read);
	TEST(reading_sends_what_was_written);
	TEST(the_answer_goes_out_before_the_end_is_seen);
	TEST(large_writes_keep_order_and_wait);
	TEST(printf_of_any_length);
	TEST(writing_to_a_closed_peer_fails_without_a_signal);
	TEST(files_of_all_sizes_are_sent);
	TEST(a_short_file_fails_the_stream);
	TEST(a_descriptor_travels_with_the_next_byte);
	TEST(a_pipe_is_left_as_blocking_as_it_was);
	TEST(another_transport_below);
	TEST(awaiting_loses_no_input);
	return test_end();
}
