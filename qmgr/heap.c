#include "qmgr/heap.h"

#include "util/mem.h"

/* nodes[0] is unused: the children of i are 2i and 2i + 1. */

static void
place(struct heap *h, size_t at, struct heap_node *n)
{
	h->nodes[at] = n;
	n->at = at;
}

static void
sift_up(struct heap *h, struct heap_node *n)
{
	size_t at = n->at;

	while (at > 1 && h->before(n, h->nodes[at / 2])) {
		place(h, at, h->nodes[at / 2]);
		at /= 2;
	}
	place(h, at, n);
}

static void
sift_down(struct heap *h, struct heap_node *n)
{
	size_t at = n->at, child;

	while ((child = 2 * at) <= h->count) {
		if (child < h->count &&
		    h->before(h->nodes[child + 1], h->nodes[child]))
			child++;
		if (!h->before(h->nodes[child], n))
			break;
		place(h, at, h->nodes[child]);
		at = child;
	}
	place(h, at, n);
}

struct heap_node *
heap_first(const struct heap *h)
{
	return h->count > 0 ? h->nodes[1] : NULL;
}

void
heap_add(struct heap *h, struct heap_node *n)
{
	if (h->count + 2 > h->size) {
		h->size = h->size == 0 ? 4 : 2 * h->size;
		h->nodes = mem_realloc(h->nodes, h->size * sizeof *h->nodes);
	}
	place(h, ++h->count, n);
	sift_up(h, n);
}

void
heap_moved(struct heap *h, struct heap_node *n)
{
	if (n->at == 0)
		return;
	sift_up(h, n);
	sift_down(h, n);
}

void
heap_remove(struct heap *h, struct heap_node *n)
{
	struct heap_node *last;

	if (n->at == 0)
		return;
	last = h->nodes[h->count--];
	if (last != n) {
		place(h, n->at, last);
		heap_moved(h, last);
	}
	n->at = 0;
}

void
heap_done(struct heap *h)
{
	mem_free(h->nodes);
	h->nodes = NULL;
	h->count = h->size = 0;
}
