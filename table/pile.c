#include "table/pile.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

enum {
	FIRST_SIZE = 1024,	/* items */
	EXPECT_MAX = 1 << 22,	/* items: what is foretold may be wrong */
	SLOTS_EACH = 2,		/* slots an item, at least */
	SLOTTED_MAX = 1 << 16,	/* items: with more of them the slots are out
				   of the processor's cache, and each look
				   costs more than sorting does */
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

struct pile_slot {
	uint32_t	hash;
	uint32_t	item;	/* index + 1, or 0 */
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

/* Keys are of the administrator's own making: nobody builds collisions. */
static uint32_t
hash_of(const char *key, size_t len)
{
	uint64_t h = len, word;

	for (; len >= sizeof word; key += sizeof word, len -= sizeof word) {
		memcpy(&word, key, sizeof word);
		h = (h ^ word) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, key, len);
	h = (h ^ word) * 0x9e3779b97f4a7c15;
	return (uint32_t)(h >> 32);
}

/* Where the key is, or belongs. */
static struct pile_slot *
find_slot(const struct pile *p, const char *key, size_t len, uint32_t hash)
{
	size_t mask = p->slot_count - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct pile_slot *slot = &p->slots[i];

		if (slot->item == 0)
			return slot;
		if (slot->hash == hash) {
			const struct pile_item *item =
			    &p->items[slot->item - 1];

			if (item->key_len == len && memcmp(p->bytes.data +
			    item->at, key, len) == 0)
				return slot;
		}
	}
}

static void
set_slots(struct pile *p, size_t count)
{
	struct pile_slot *old = p->slots;
	size_t		  old_count = p->slot_count, mask, at;

	p->slot_count = count;
	p->slots = mem_zalloc(count * sizeof *p->slots);
	mask = p->slot_count - 1;
	for (size_t i = 0; i < old_count; i++) {
		if (old[i].item == 0)
			continue;
		for (at = old[i].hash & mask; p->slots[at].item != 0;)
			at = (at + 1) & mask;
		p->slots[at] = old[i];
	}
	mem_free(old);
}

void
pile_expect(struct pile *p, size_t count)
{
	size_t slots = FIRST_SIZE;

	if (count > EXPECT_MAX)
		count = EXPECT_MAX;
	if (count > p->size) {
		p->size = count;
		p->items = mem_realloc(p->items, p->size * sizeof *p->items);
	}
	if (count > SLOTTED_MAX)
		count = SLOTTED_MAX;
	while (slots < count * SLOTS_EACH)
		slots *= 2;
	if (slots > p->slot_count)
		set_slots(p, slots);
}

bool
pile_add_new(struct pile *p, const char *key, const char *value)
{
	size_t		  len;
	uint32_t	  hash;
	struct pile_slot *slot;

	if (p->count >= SLOTTED_MAX) {
		pile_add(p, key, value);
		return true;
	}
	len = strlen(key);
	hash = hash_of(key, len);
	if (p->count * SLOTS_EACH >= p->slot_count)
		set_slots(p, p->slot_count > 0 ? p->slot_count * 2 :
		    FIRST_SIZE * SLOTS_EACH);
	slot = find_slot(p, key, len, hash);
	if (slot->item != 0)
		return false;
	pile_add(p, key, value);
	slot->hash = hash;
	slot->item = (uint32_t)p->count;
	return true;
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

bool
pile_is_double(const struct pile *p, size_t i)
{
	const struct pile_item *a, *b = &p->items[i];

	if (i == 0)
		return false;
	a = b - 1;
	return a->key_len == b->key_len && memcmp(p->bytes.data + a->at,
	    p->bytes.data + b->at, a->key_len) == 0;
}

void
pile_clear(struct pile *p)
{
	buf_clear(&p->bytes);
	p->count = 0;
	if (p->slots != NULL)
		memset(p->slots, 0, p->slot_count * sizeof *p->slots);
}

void
pile_done(struct pile *p)
{
	buf_done(&p->bytes);
	mem_free(p->items);
	mem_free(p->slots);
	*p = (struct pile)PILE_INIT;
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
