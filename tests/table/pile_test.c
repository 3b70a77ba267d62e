#include "table/pile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "util/mem.h"

static void
keys_come_in_order(void)
{
	static const char *const keys[] = {
		"b", "a", "", "abcdefgh", "abcdefghi", "abcdefg", "\xff", "aa",
		"abcdefghabcdefgh1", "abcdefghabcdefgh0",
	};
	static const char *const want[] = {
		"", "a", "aa", "abcdefg", "abcdefgh", "abcdefghabcdefgh0",
		"abcdefghabcdefgh1", "abcdefghi", "b", "\xff",
	};
	struct pile p = PILE_INIT;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		pile_add(&p, keys[i], "v");
	pile_sort(&p);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		CHECK_STR(pile_at(&p, i).key, want[i]);
	pile_done(&p);
}

static void
equal_keys_keep_their_order(void)
{
	struct pile p = PILE_INIT;
	char	    value[12];

	for (int i = 0; i < 1000; i++) {
		snprintf(value, sizeof value, "%03d", i);
		pile_add(&p, i % 2 ? "the same key" : "another", value);
	}
	pile_sort(&p);
	CHECK(p.count == 1000);
	for (size_t i = 1; i < 1000; i++)
		if (i != 500)
			CHECK(strcmp(pile_at(&p, i - 1).value,
			    pile_at(&p, i).value) < 0);
	pile_done(&p);
}

static void
many_keys_are_in_the_order_of_strcmp(void)
{
	struct pile p = PILE_INIT;
	char	    key[40];

	srand(1);
	for (int i = 0; i < 5000; i++) {
		int n = rand() % 30;

		for (int k = 0; k < n; k++)
			key[k] = (char)('a' + rand() % 2);
		key[n] = '\0';
		pile_add(&p, key, "");
	}
	pile_sort(&p);
	for (size_t i = 1; i < p.count; i++) {
		struct pile_entry a = pile_at(&p, i - 1), b = pile_at(&p, i);
		int		  r = strcmp(a.key, b.key);

		if (r > 0 || (r == 0 && a.key > b.key))
			CHECK(false);
	}
	CHECK(p.count == 5000);
	pile_done(&p);
}

static void
a_key_is_added_once(void)
{
	struct pile p = PILE_INIT;
	char	    key[24];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 20000; i++) {
			snprintf(key, sizeof key, "a key, %d", i % 10000);
			if (pile_add_new(&p, key, "v") != (i < 10000))
				CHECK(false);
		}
		CHECK(p.count == 10000);
		CHECK(pile_add_new(&p, "", "empty"));
		CHECK(!pile_add_new(&p, "", "empty"));
		pile_sort(&p);
		CHECK_STR(pile_at(&p, 0).value, "empty");
		pile_clear(&p);
	}
	pile_done(&p);
}

static void
doubles_among_many_are_seen_when_sorted(void)
{
	struct pile p = PILE_INIT;
	char	    key[20];
	size_t	    doubles = 0;

	for (int i = 0; i < 100000; i++) {
		snprintf(key, sizeof key, "%d", i % 99000);
		if (!pile_add_new(&p, key, i < 99000 ? "first" : "later"))
			doubles++;
	}
	pile_sort(&p);
	for (size_t i = 0; i < p.count; i++)
		if (pile_is_double(&p, i)) {
			CHECK_STR(pile_at(&p, i - 1).value, "first");
			CHECK_STR(pile_at(&p, i).value, "later");
			doubles++;
		}
	CHECK_INT(doubles, 1000);
	pile_done(&p);
}

static void
long_keys_need_no_deep_stack(void)
{
	enum { LEN = 1024 * 1024 };
	struct pile p = PILE_INIT;
	char	   *key = mem_alloc(LEN + 1);

	memset(key, 'x', LEN);
	key[LEN] = '\0';
	pile_add(&p, key, "1");
	key[LEN - 1] = 'a';
	pile_add(&p, key, "2");
	pile_add(&p, key, "3");
	pile_sort(&p);
	CHECK_STR(pile_at(&p, 0).value, "2");
	CHECK_STR(pile_at(&p, 1).value, "3");
	CHECK_STR(pile_at(&p, 2).value, "1");
	mem_free(key);
	pile_done(&p);
}

int
main(void)
{
	TEST(keys_come_in_order);
	TEST(equal_keys_keep_their_order);
	TEST(many_keys_are_in_the_order_of_strcmp);
	TEST(a_key_is_added_once);
	TEST(doubles_among_many_are_seen_when_sorted);
	TEST(long_keys_need_no_deep_stack);
	return test_end();
}
