#include "qmgr/heap.c"
#include "tests/test.h"

struct thing {
	int		 n;
	struct heap_node node;
};

static bool
is_less(const struct heap_node *a, const struct heap_node *b)
{
	return HEAP_ENTRY(a, struct thing, node)->n <
	    HEAP_ENTRY(b, struct thing, node)->n;
}

enum { COUNT = 500 };

static struct thing things[COUNT];

static void
fill(struct heap *h)
{
	for (int i = 0; i < COUNT; i++) {
		things[i] = (struct thing){ .n = (i * 7919) % COUNT };
		heap_add(h, &things[i].node);
	}
}

static int
take(struct heap *h)
{
	struct thing *t = HEAP_ENTRY(heap_first(h), struct thing, node);

	heap_remove(h, &t->node);
	return t->n;
}

static void
gives_them_in_order(void)
{
	struct heap h = { .before = is_less };
	bool	    sorted = true;

	fill(&h);
	for (int i = 0; i < COUNT; i++)
		sorted = take(&h) == i && sorted;
	CHECK(sorted);
	CHECK(heap_first(&h) == NULL);
	heap_done(&h);
}

static void
any_can_be_removed_twice(void)
{
	struct heap h = { .before = is_less };
	int	    last = -1, n;
	bool	    sorted = true;

	fill(&h);
	for (int i = 0; i < COUNT; i += 3) {
		heap_remove(&h, &things[i].node);
		heap_remove(&h, &things[i].node);
	}
	while (heap_first(&h) != NULL) {
		n = take(&h);
		sorted = sorted && n > last;
		last = n;
	}
	CHECK(sorted);
	heap_done(&h);
}

static void
order_may_change(void)
{
	struct heap h = { .before = is_less };

	fill(&h);
	things[17].n = -1;
	heap_moved(&h, &things[17].node);
	CHECK_INT(take(&h), -1);
	things[18].n = COUNT * 2;
	heap_moved(&h, &things[18].node);
	for (int i = 0; i < COUNT - 2; i++)
		take(&h);
	CHECK_INT(take(&h), COUNT * 2);
	heap_done(&h);
}

int
main(void)
{
	TEST(gives_them_in_order);
	TEST(any_can_be_removed_twice);
	TEST(order_may_change);
	return test_end();
}
