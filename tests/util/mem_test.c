#include <stdint.h>

#include "tests/test.h"
#include "util/mem.h"

static void
zero_bytes_give_unique_pointers(void)
{
	void *a = mem_alloc(0), *b = mem_alloc(0);

	CHECK(a != b);
	mem_free(a);
	mem_free(b);
	mem_free(NULL);
}

static void
printf_makes_a_string_of_its_own(void)
{
	char *s = mem_printf("%s-%d", "x", 7);

	CHECK_STR(s, "x-7");
	mem_free(s);
}

static void
pool_results_are_aligned_and_apart(void)
{
	struct pool p = POOL_INIT;
	char	   *last = NULL;

	for (size_t i = 0; i < 3000; i++) {
		char *s = pool_alloc(&p, i % 70);

		memset(s, (int)i, i % 70);
		CHECK((uintptr_t)s % 16 == 0);
		CHECK(s != last);
		last = s;
	}
	pool_done(&p);
	CHECK(p.blocks == NULL);
}

static void
pool_keeps_what_was_written_across_large_requests(void)
{
	struct pool p = POOL_INIT;
	char	   *a = pool_strdup(&p, "first"), *b, *c;

	b = pool_zalloc(&p, 1000000);
	c = pool_printf(&p, "%s and %s", a, "third");
	CHECK(b[0] == 0 && b[999999] == 0);
	memset(b, 'x', 1000000);
	CHECK_STR(a, "first");
	CHECK_STR(c, "first and third");
	pool_done(&p);
}

static void
cleared_pool_is_used_again(void)
{
	struct pool p = POOL_INIT;
	void	   *first = pool_alloc(&p, 16);

	for (int i = 0; i < 10000; i++)
		pool_alloc(&p, 100);
	pool_clear(&p);
	CHECK(p.blocks != NULL && pool_alloc(&p, 16) == first);
	pool_clear(&p);
	pool_done(&p);
	pool_done(&p);
}

int
main(void)
{
	TEST(zero_bytes_give_unique_pointers);
	TEST(printf_makes_a_string_of_its_own);
	TEST(pool_results_are_aligned_and_apart);
	TEST(pool_keeps_what_was_written_across_large_requests);
	TEST(cleared_pool_is_used_again);
	return test_end();
}
