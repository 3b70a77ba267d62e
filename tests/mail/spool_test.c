#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/spool.h"
#include "tests/test.h"
#include "util/stream.h"

static char dir[] = "/tmp/spool.XXXXXX";

static void
collect(void *arg, const void *bytes, size_t len)
{
	buf_add(arg, bytes, len);
}

/* Lines of 10 bytes, each with its number. */
static void
fill(struct spool *s, int lines)
{
	char line[16];

	for (int i = 0; i < lines; i++) {
		snprintf(line, sizeof line, "%09d\n", i);
		spool_add(s, line, 10);
	}
}

static bool
is_filled(const struct buf *b, int lines)
{
	char line[16];

	if (b->len != (size_t)lines * 10)
		return false;
	for (int i = 0; i < lines; i++) {
		snprintf(line, sizeof line, "%09d\n", i);
		if (memcmp(b->data + i * 10, line, 10) != 0)
			return false;
	}
	return true;
}

static void
what_was_added_comes_back_as_often_as_wanted(void)
{
	static const int sizes[] = { 0, 1, 1000, 6553, 6554, 20000 };
	struct buf	 b = BUF_INIT;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct spool s = SPOOL_INIT;

		fill(&s, sizes[i]);
		for (int again = 0; again < 2; again++) {
			buf_clear(&b);
			CHECK(spool_read(&s, collect, &b));
			CHECK(is_filled(&b, sizes[i]));
		}
		CHECK((s.fd >= 0) == (sizes[i] > 6553));
		spool_done(&s);
	}
	buf_done(&b);
}

static void
it_goes_to_a_stream(void)
{
	struct spool   s = SPOOL_INIT;
	struct buf     b = BUF_INIT;
	int	       fd = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct stream *to = stream_open(dup(fd));

	fill(&s, 10000);
	CHECK(spool_send(&s, to));
	CHECK(stream_close(to));
	CHECK(pread(fd, buf_room(&b, 200000), 200000, 0) == 100000);
	buf_grow(&b, 100000);
	CHECK(is_filled(&b, 10000));
	close(fd);
	unlink("out");
	spool_done(&s);
	buf_done(&b);
}

static void
without_a_place_for_the_file_there_is_an_error_that_stays(void)
{
	struct spool s = SPOOL_INIT;
	struct buf   b = BUF_INIT;

	CHECK(rmdir("incoming") == 0);
	fill(&s, 10000);
	CHECK(s.error != 0);
	CHECK(mkdir("incoming", 0700) == 0);
	spool_add(&s, "more", 4);
	CHECK(s.error != 0);
	CHECK(!spool_read(&s, collect, &b));
	CHECK(b.len == 0);
	spool_done(&s);
	buf_done(&b);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL || chdir(dir) != 0 ||
	    mkdir("incoming", 0700) != 0)
		return 1;
	TEST(what_was_added_comes_back_as_often_as_wanted);
	TEST(it_goes_to_a_stream);
	TEST(without_a_place_for_the_file_there_is_an_error_that_stays);
	rmdir("incoming");
	if (chdir("/") == 0)
		rmdir(dir);
	return test_end();
}
