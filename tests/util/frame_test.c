#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"
#include "util/frame.h"
#include "util/stream.h"
#include "util/task.h"

enum { T_HELLO = 7, T_DATA = 8 };
enum { K_NAME = 1, K_SIZE, K_RCPT, K_ADDR, K_BODY };

static struct stream *a, *b;

static void
open_both(void)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		abort();
	a = stream_open(fd[0]);
	b = stream_open(fd[1]);
}

static void
close_both(void)
{
	stream_close(a);
	stream_close(b);
}

static void
attributes_arrive_as_they_were_put(void)
{
	struct frame f = FRAME_INIT, g = FRAME_INIT;
	struct str   bytes;

	open_both();
	frame_begin(&f, T_HELLO);
	frame_put_str(&f, K_NAME, "a name");
	frame_put_str(&f, K_ADDR, NULL);
	frame_put_u64(&f, K_SIZE, UINT64_C(0x123456789abcdef0));
	frame_put(&f, K_BODY, "x\0y", 3);
	frame_send(a, &f);
	frame_begin(&f, T_DATA);		/* an empty one */
	frame_send(a, &f);
	frame_send_bytes(a, T_DATA, K_BODY, "bytes", 5);
	CHECK(stream_flush(a));

	CHECK(frame_receive(b, &g, 1000));
	CHECK_INT(g.type, T_HELLO);
	CHECK_STR(frame_str(&g, K_NAME), "a name");
	CHECK(frame_u64(&g, K_SIZE, 0) == UINT64_C(0x123456789abcdef0));
	CHECK(frame_str(&g, K_ADDR) == NULL);
	CHECK(frame_str(&g, K_BODY) == NULL);	/* NUL inside */
	CHECK(frame_bytes(&g, K_BODY, &bytes) && bytes.n == 3);
	CHECK(frame_u64(&g, K_NAME, 99) == 99);
	CHECK(frame_u64(&g, K_RCPT, 98) == 98);
	CHECK(frame_receive(b, &g, 1000));
	CHECK(g.type == T_DATA && g.bytes.len == 0);
	CHECK(frame_receive(b, &g, 1000));
	CHECK_STR(frame_str(&g, K_BODY), "bytes");

	close_both();
	frame_done(&f);
	frame_done(&g);
}

static void
groups_hold_attributes_in_order(void)
{
	struct frame	  f = FRAME_INIT;
	struct frame_attr group, attr;
	size_t		  pos = 0, in, opened;
	char		  got[100] = "";

	frame_begin(&f, T_HELLO);
	for (int i = 0; i < 3; i++) {
		opened = frame_open(&f, K_RCPT);
		frame_put_str(&f, K_ADDR, i == 0 ? "zero" : "more");
		frame_put_u64(&f, K_SIZE, (uint64_t)i);
		frame_close(&f, opened);
	}
	CHECK(frame_is_sound(&f));
	while (frame_next(&f, &pos, &group)) {
		CHECK_INT(group.key, K_RCPT);
		in = 0;
		CHECK(frame_group_next(&group, &in, &attr));
		strcat(got, frame_attr_str(&attr));
		CHECK(frame_group_next(&group, &in, &attr));
		strcat(got, frame_attr_u64(&attr, 9) == 0 ? "0" : "n");
		CHECK(!frame_group_next(&group, &in, &attr));
	}
	CHECK_STR(got, "zero0morenmoren");
	frame_done(&f);
}

enum { LARGE = 1000000 };
static char large[LARGE];

static void
sends_large(void *arg)
{
	(void)arg;
	frame_send_bytes(a, T_DATA, K_BODY, large, LARGE);
	CHECK(stream_flush(a));
}

static void
receives_large(void *arg)
{
	struct frame g = FRAME_INIT;
	struct str   bytes;

	(void)arg;
	CHECK(frame_receive(b, &g, 2 * LARGE));
	CHECK(frame_bytes(&g, K_BODY, &bytes));
	CHECK(bytes.n == LARGE && memcmp(bytes.p, large, LARGE) == 0);
	frame_done(&g);
	task_stop();
}

static void
large_frames_pass(void)
{
	for (int i = 0; i < LARGE; i++)
		large[i] = (char)(i * 17 + i / 999);
	open_both();
	task_start("send", sends_large, NULL);
	task_start("receive", receives_large, NULL);
	task_loop();
	close_both();
}

static void
what_does_not_add_up_fails_the_stream(void)
{
	static const struct {
		const char	*bytes;
		size_t		 len;
		const char	*why;
	} cases[] = {
		/* longer than allowed */
		{ "\x65\0\0\0\7\0\0\0", 8, "frame too large" },
		{ "\xff\xff\xff\xff\7\0\0\0", 8, "frame too large" },
		/* an attribute longer than the frame */
		{ "\12\0\0\0\7\0\0\0" "\1\0\0\0\2\0\0\0ab", 18,
		    "malformed frame" },
		{ "\12\0\0\0\7\0\0\0" "\1\0\0\0\xff\xff\xff\xff" "ab", 18,
		    "malformed frame" },
		/* no NUL behind it */
		{ "\12\0\0\0\7\0\0\0" "\1\0\0\0\1\0\0\0ab", 18,
		    "malformed frame" },
		/* bytes left over */
		{ "\13\0\0\0\7\0\0\0" "\1\0\0\0\1\0\0\0a\0x", 19,
		    "malformed frame" },
		/* ends in the middle */
		{ "\12\0\0\0\7\0\0\0" "\1\0\0", 11, "end of file" },
		{ "\12\0\0", 3, "end of file" },
	};
	struct frame g = FRAME_INIT;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		open_both();
		stream_write(a, cases[i].bytes, cases[i].len);
		stream_close(a);
		CHECK(!frame_receive(b, &g, 100));
		CHECK_STR(stream_failed(b), cases[i].why);
		stream_close(b);
	}
	frame_done(&g);
}

static void
a_frame_may_be_as_long_as_allowed(void)
{
	struct frame f = FRAME_INIT, g = FRAME_INIT;

	frame_begin(&f, T_HELLO);
	frame_put(&f, K_BODY, large, 91);	/* a head of 8, a NUL */
	open_both();
	frame_send(a, &f);
	frame_send(a, &f);
	stream_flush(a);
	CHECK(frame_receive(b, &g, 100));
	CHECK(!frame_receive(b, &g, 99));
	close_both();
	frame_done(&f);
	frame_done(&g);
}

/* The smallest attribute has no bytes; one byte less is none. */
static void
attributes_end_with_the_frame(void)
{
	struct frame	  f = FRAME_INIT;
	struct frame_attr attr;
	size_t		  pos = 0;

	frame_begin(&f, T_HELLO);
	frame_put(&f, K_BODY, "", 0);
	CHECK(frame_next(&f, &pos, &attr) && attr.len == 0);
	CHECK(!frame_next(&f, &pos, &attr));
	buf_cut(&f.bytes, f.bytes.len - 1);
	pos = 0;
	CHECK(!frame_next(&f, &pos, &attr) && !frame_is_sound(&f));
	pos = 1000;
	CHECK(!frame_next(&f, &pos, &attr));
	frame_done(&f);
}

static void
what_is_no_string_or_number_is_none(void)
{
	struct frame f = FRAME_INIT;

	frame_begin(&f, T_HELLO);
	frame_put(&f, K_ADDR, "a\0b", 3);
	frame_put(&f, K_SIZE, "1234567", 7);
	CHECK(frame_str(&f, K_ADDR) == NULL);
	CHECK(frame_u64(&f, K_SIZE, 42) == 42);
	CHECK(frame_str(&f, K_BODY) == NULL);
	CHECK(frame_u64(&f, K_BODY, 43) == 43);
	frame_done(&f);
}

int
main(void)
{
	TEST(attributes_arrive_as_they_were_put);
	TEST(groups_hold_attributes_in_order);
	TEST(large_frames_pass);
	TEST(a_frame_may_be_as_long_as_allowed);
	TEST(attributes_end_with_the_frame);
	TEST(what_is_no_string_or_number_is_none);
	TEST(what_does_not_add_up_fails_the_stream);
	return test_end();
}
