#include "table/pile.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

enum {
	FIRST_SIZE = 1024,	/* items */
	DEPTH_MAX = 512,	/* bytes that are sorted eight at a time; so
				   deep, at most, are the calls in each other */
};

/*
 * `head` is eight bytes of the key, as a number that compares as they do;
 * which eight, depends on how far sorting has come.
 */
struct pile_item {
	uint64_t	head;
	size_t		at;	/* of the key in bytes: grows with each */
	uint32_t	key_len, value_len;
};

void
pile_add(struct pile *p, const char *key, const char *value)
{
	struct pile_item *item;

	if (p->count == p->size) {
		p->size = p->size > 0 ? p->size * 2 : FIRST_SIZE;
		p->items = mem_realloc(p->items, p->size * sizeof *p->items);
	}
	item = &p->items[p->count++];
	item->at = p->bytes.len;
	item->key_len = (uint32_t)strlen(key);
	item->value_len = (uint32_t)strlen(value);
	buf_add(&p->bytes, key, (size_t)item->key_len + 1);
	buf_add(&p->bytes, value, (size_t)item->value_len + 1);
}

struct pile_entry
pile_at(const struct pile *p, size_t i)
{
	const struct pile_item *item = &p->items[i];
	const char	       *key = p->bytes.data + item->at;

	return (struct pile_entry){
		key, key + item->key_len + 1, item->key_len, item->value_len
	};
}

void
pile_clear(struct pile *p)
{
	buf_clear(&p->bytes);
	p->count = 0;
}

void
pile_done(struct pile *p)
{
	buf_done(&p->bytes);
	mem_free(p->items);
	p->items = NULL;
	p->count = p->size = 0;
}

/* --- sorting: by eight bytes, then those that are equal by the next eight */

/* What follows the key's end counts as NUL. */
static uint64_t
head_at(const struct pile *p, const struct pile_item *item, size_t depth)
{
	const char *key = p->bytes.data + item->at + depth;
	char	    bytes[8] = { 0 };
	uint64_t    head;

	for (size_t i = 0; i < sizeof bytes && key[i] != '\0'; i++)
		bytes[i] = key[i];
	memcpy(&head, bytes, sizeof head);
	return be64toh(head);
}

static int
compare_heads(const void *one, const void *other)
{
	const struct pile_item *a = one, *b = other;

	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static int
compare_keys(const void *one, const void *other, void *arg)
{
	const struct pile_item *a = one, *b = other;
	const char	       *bytes = arg;
	int			r = strcmp(bytes + a->at, bytes + b->at);

	return r != 0 ? r : a->at < b->at ? -1 : a->at > b->at;
}

/* Keys of `n` items are equal before `depth`. */
static void
sort(struct pile *p, struct pile_item *items, size_t n, size_t depth)
{
	size_t end;

	if (depth >= DEPTH_MAX) {
		qsort_r(items, n, sizeof *items, compare_keys, p->bytes.data);
		return;
	}
	for (size_t i = 0; i < n; i++)
		items[i].head = head_at(p, &items[i], depth);
	qsort(items, n, sizeof *items, compare_heads);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n; end++)
			if (items[end].head != items[i].head)
				break;
		/* A last byte of NUL: the key has ended. */
		if (end - i > 1 && (items[i].head & 0xff) != 0)
			sort(p, items + i, end - i, depth + 8);
	}
}

void
pile_sort(struct pile *p)
{
	if (p->count > 1)
		sort(p, p->items, p->count, 0);
}
