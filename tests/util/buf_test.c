#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/test.h"
#include "util/buf.h"

static void
starts_empty(void)
{
	struct buf b = BUF_INIT;

	CHECK_STR(b.data, "");
	CHECK(b.len == 0);
	buf_add(&b, NULL, 0);
	buf_cut(&b, 0);
	buf_skip(&b, 0);
	buf_clear(&b);
	CHECK(b.size == 0);
	buf_done(&b);
}

static void
grows_past_its_first_allocation(void)
{
	struct buf b = BUF_INIT;

	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%03d", i);
	CHECK(b.len == 3000);
	CHECK_STR(b.data + 2997, "999");
	buf_done(&b);
}

static void
keeps_nul_bytes(void)
{
	struct buf b = BUF_INIT;

	buf_add(&b, "a\0b", 3);
	CHECK(b.len == 3);
	CHECK(b.data[2] == 'b' && b.data[3] == '\0');
	buf_done(&b);
}

static void
formats_exactly_to_the_edge_of_its_room(void)
{
	for (int n = 0; n < 200; n++) {
		struct buf b = BUF_INIT;

		buf_addc(&b, '<');
		buf_addf(&b, "%*s", n, "");
		buf_addc(&b, '>');
		CHECK(b.len == (size_t)n + 2);
		CHECK(b.data[n + 1] == '>' && b.data[n + 2] == '\0');
		buf_done(&b);
	}
}

static void
splice_replaces_by_less_and_by_more(void)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "one two three");
	buf_splice(&b, 4, 3, "2", 1);
	CHECK_STR(b.data, "one 2 three");
	buf_splice(&b, 4, 1, "twenty-two and a half, or so", 28);
	CHECK_STR(b.data, "one twenty-two and a half, or so three");
	buf_splice(&b, 0, 4, NULL, 0);
	buf_splice(&b, b.len, 0, "!", 1);
	CHECK_STR(b.data, "twenty-two and a half, or so three!");
	buf_done(&b);
}

static void
skip_and_cut_keep_the_final_nul(void)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "abcdef");
	buf_skip(&b, 2);
	CHECK_STR(b.data, "cdef");
	buf_cut(&b, 1);
	CHECK_STR(b.data, "c");
	buf_skip(&b, 1);
	CHECK_STR(b.data, "");
	buf_done(&b);
}

static void
room_is_filled_from_outside(void)
{
	struct buf b = BUF_INIT;

	memcpy(buf_room(&b, 5), "hello", 5);
	buf_grow(&b, 5);
	CHECK_STR(b.data, "hello");
	buf_done(&b);
}

static void
take_leaves_a_usable_buffer(void)
{
	struct buf b = BUF_INIT;
	char	*s, *none = buf_take(&b);

	buf_adds(&b, "first");
	s = buf_take(&b);
	buf_adds(&b, "second");
	CHECK_STR(none, "");
	CHECK_STR(s, "first");
	CHECK_STR(b.data, "second");
	free(none);
	free(s);
	buf_done(&b);
}

static void
slices_compare_whole(void)
{
	CHECK(str_is(STR("abc"), "abc"));
	CHECK(!str_is(STR("abc"), "abcd") && !str_is(STR("abc"), "ab"));
	CHECK(str_is_nocase(str_of("AbC"), "aBc"));
	CHECK(!str_is_nocase(str_of("AbC"), "aBcD"));
	CHECK(!str_is_nocase(str_of("AbC"), "aBd"));
}

#define SAME(...) do {					\
	char want[200];						\
								\
	buf_clear(&b);						\
	buf_addf(&b, __VA_ARGS__);				\
	snprintf(want, sizeof want, __VA_ARGS__);		\
	CHECK_STR(b.data, want);				\
	CHECK(b.len == strlen(want));				\
} while (0)

static void
formats_as_printf_does(void)
{
	struct buf b = BUF_INIT;

	SAME("plain");
	SAME("%s|%s", "", "two");
	SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	SAME("%u %u", 0U, UINT_MAX);
	SAME("%lld %lld", (long long)INT64_MIN, (long long)INT64_MAX);
	SAME("%c%c", 'a', 'b');
	SAME("%.*s|%.*s|%.*s", 2, "abc", 9, "abc", -1, "abc");
	SAME("100%% of %s", "it");
	SAME("%s %5d %-4s| %02x %s", "a", 7, "b", 10, "c");
	SAME("%zu %ld %.3f %s", (size_t)1, 2L, 3.0, "end");
	errno = ENOENT;
	SAME("%s: %m", "file");
	buf_done(&b);
}

int
main(void)
{
	TEST(starts_empty);
	TEST(grows_past_its_first_allocation);
	TEST(keeps_nul_bytes);
	TEST(formats_exactly_to_the_edge_of_its_room);
	TEST(splice_replaces_by_less_and_by_more);
	TEST(skip_and_cut_keep_the_final_nul);
	TEST(room_is_filled_from_outside);
	TEST(take_leaves_a_usable_buffer);
	TEST(slices_compare_whole);
	TEST(formats_as_printf_does);
	return test_end();
}
