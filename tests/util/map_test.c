#include <stdint.h>

#include "tests/test.h"
#include "util/list.h"
#include "util/map.h"

static void
finds_what_was_set(void)
{
	struct map *m = map_new();
	int	    a, b;

	CHECK(map_find(m, "a") == NULL && map_remove(m, "a") == NULL);
	CHECK(map_set(m, "a", &a) == NULL);
	CHECK(map_set(m, "a", &b) == &a);
	CHECK(map_find(m, "a") == &b && map_count(m) == 1);
	CHECK(map_find_n(m, "ab", 1) == &b && map_find(m, "ab") == NULL);
	map_free(m, NULL);
	map_free(NULL, NULL);
}

static void
keys_may_hold_any_byte(void)
{
	struct map *m = map_new();
	int	    a, b;

	map_slot(m, "x\0y", 3)->value = &a;
	map_slot(m, "x\0z", 3)->value = &b;
	map_slot(m, "", 0)->value = &b;
	CHECK(map_find_n(m, "x\0y", 3) == &a);
	CHECK(map_find_n(m, "x", 1) == NULL && map_find(m, "") == &b);
	map_free(m, NULL);
}

static void
agrees_with_an_array_under_random_changes(void)
{
	enum { KEYS = 500, STEPS = 200000 };
	static char  here[KEYS];
	struct map  *m = map_new();
	char	     key[16];
	size_t	     count = 0;
	unsigned     seed = 1;
	bool	     ok = true;

	for (int i = 0; i < STEPS; i++) {
		unsigned k;

		seed = seed * 1103515245 + 12345;
		k = (seed >> 8) % KEYS;
		snprintf(key, sizeof key, "k%u", k);
		ok = ok && (map_find(m, key) != NULL) == here[k];
		if ((seed >> 24) % 2 == 0) {
			map_set(m, key, &here[k]);
			count += !here[k];
			here[k] = 1;
		} else {
			ok = ok && (map_remove(m, key) != NULL) == here[k];
			count -= here[k];
			here[k] = 0;
		}
		ok = ok && map_count(m) == count;
	}
	CHECK(ok);
	for (size_t i = 0; i < map_count(m); i++)
		CHECK(*(char *)map_at(m, i)->value == 1);
	map_free(m, NULL);
}

static void
iterates_in_order_of_insertion(void)
{
	struct map *m = map_new();

	map_slot(m, "z", 1);
	map_slot(m, "a", 1);
	map_slot(m, "m", 1);
	CHECK_STR(map_at(m, 0)->key, "z");
	CHECK_STR(map_at(m, 1)->key, "a");
	map_remove(m, "z");
	CHECK_STR(map_at(m, 0)->key, "m");
	CHECK_STR(map_at(m, 1)->key, "a");
	map_free(m, NULL);
}

static void
frees_values_when_asked(void)
{
	struct map *m = map_new();

	map_set(m, "a", malloc(10));
	map_set(m, "b", malloc(10));
	map_free(m, free);
}

struct item {
	int	    n;
	struct list link;
};

static void
lists_keep_order_and_allow_removal_while_walking(void)
{
	struct list head = LIST_INIT(head);
	struct item items[4];
	int	    sum = 0;

	for (int i = 0; i < 4; i++) {
		items[i].n = i;
		list_append(&head, &items[i].link);
	}
	LIST_EACH(it, &head) {
		struct item *x = LIST_ENTRY(it, struct item, link);

		sum = sum * 10 + x->n;
		if (x->n % 2 == 0)
			list_remove(it);
	}
	CHECK_INT(sum, 123);
	list_remove(&items[0].link);
	CHECK(LIST_ENTRY(list_take(&head), struct item, link)->n == 1);
	CHECK(LIST_ENTRY(list_take(&head), struct item, link)->n == 3);
	CHECK(list_take(&head) == NULL && list_is_empty(&head));
}

int
main(void)
{
	TEST(finds_what_was_set);
	TEST(keys_may_hold_any_byte);
	TEST(agrees_with_an_array_under_random_changes);
	TEST(iterates_in_order_of_insertion);
	TEST(frees_values_when_asked);
	TEST(lists_keep_order_and_allow_removal_while_walking);
	return test_end();
}
