/* pile - entries collected to be sorted by key (private to table/) */

#ifndef TABLE_PILE_H
#define TABLE_PILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

struct pile_item;
struct pile_slot;

/*
 * Keys are text: bytes but NUL.  Sorted they come in the order of their
 * bytes, a shorter one before what it begins; equal ones as they were added.
 */
struct pile {
	struct buf	  bytes;	/* keys and values */
	struct pile_item *items;
	size_t		  count, size;
	struct pile_slot *slots;	/* a hash table of the items */
	size_t		  slot_count;	/* a power of two */
};

#define PILE_INIT { .bytes = BUF_INIT }

struct pile_entry {
	const char	*key, *value;	/* each with a NUL */
	size_t		 key_len, value_len;	/* without it */
};

void	pile_add(struct pile *, const char *key, const char *value);

/* The same unless the key is seen to be there: then it is false.  After many
 * keys it is not looked for any more, see pile_is_double().  Not to be mixed
 * with pile_add(), nor called after pile_sort() before pile_clear(). */
bool	pile_add_new(struct pile *, const char *key, const char *value);

void	pile_sort(struct pile *);

/* The i-th now.  Valid until the next is added. */
struct pile_entry pile_at(const struct pile *, size_t i);

/* After pile_sort(): the i-th has the same key as the one before. */
bool	pile_is_double(const struct pile *, size_t i);

/* So many are to come, perhaps: saves growing bit by bit. */
void	pile_expect(struct pile *, size_t count);

/* Empties it, keeps its memory. */
void	pile_clear(struct pile *);
void	pile_done(struct pile *);

#endif
