/* list - intrusive doubly linked list */

#ifndef UTIL_LIST_H
#define UTIL_LIST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A head and its members are the same type: a ring.  A member that is on no
 * list points to itself after list_init(), so list_remove() may be called
 * twice.
 */
struct list {
	struct list	*next, *prev;
};

#define LIST_INIT(name) { &(name), &(name) }

/* The structure that holds `member` at `ptr`. */
#define LIST_ENTRY(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* Allows removal of `it` in the body. */
#define LIST_EACH(it, head) \
	for (struct list *it = (head)->next, *it##_next = it->next; \
	    it != (head); it = it##_next, it##_next = it->next)

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline void
list_insert_after(struct list *at, struct list *l)
{
	l->prev = at;
	l->next = at->next;
	at->next->prev = l;
	at->next = l;
}

static inline void
list_push(struct list *head, struct list *l)	/* at the front */
{
	list_insert_after(head, l);
}

static inline void
list_append(struct list *head, struct list *l)
{
	list_insert_after(head->prev, l);
}

static inline void
list_remove(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

/* First member taken off, or NULL. */
static inline struct list *
list_take(struct list *head)
{
	struct list *l = head->next;

	if (l == head)
		return NULL;
	list_remove(l);
	return l;
}

#endif
