/* heap - intrusive priority queue */

#ifndef QMGR_HEAP_H
#define QMGR_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Embedded in what is queued; `at` is 1 and up while it is in a heap, 0
 * (zeroed memory) otherwise. */
struct heap_node {
	size_t	at;
};

#define HEAP_ENTRY(node, type, member) \
	((type *)(void *)((char *)(node) - offsetof(type, member)))

/* Start with `before` set and the rest zero.  Adding and removing cost the
 * logarithm of the count. */
struct heap {
	struct heap_node	**nodes;
	size_t			  count, size;
	bool			(*before)(const struct heap_node *,
				    const struct heap_node *);
};

struct heap_node *heap_first(const struct heap *);	/* or NULL */
void	heap_add(struct heap *, struct heap_node *);	/* must not be in it */
void	heap_remove(struct heap *, struct heap_node *);	/* nothing if not in */
void	heap_moved(struct heap *, struct heap_node *);	/* its order changed */
void	heap_done(struct heap *);

#endif
