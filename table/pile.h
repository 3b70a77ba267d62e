/* pile - entries collected to be sorted by key (private to table/) */

#ifndef TABLE_PILE_H
#define TABLE_PILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

struct pile_item;

/*
 * Keys are text: bytes but NUL.  Sorted they come in the order of their
 * bytes, a shorter one before what it begins; equal ones as they were added.
 */
struct pile {
	struct buf	  bytes;	/* keys and values */
	struct pile_item *items;
	size_t		  count, size;
};

#define PILE_INIT { .bytes = BUF_INIT }

struct pile_entry {
	const char	*key, *value;	/* each with a NUL */
	size_t		 key_len, value_len;	/* without it */
};

void	pile_add(struct pile *, const char *key, const char *value);
void	pile_sort(struct pile *);

/* The i-th now; an entry added earlier has the lower address.  Valid
 * until the next pile_add(). */
struct pile_entry pile_at(const struct pile *, size_t i);

/* Empties it, keeps its memory. */
void	pile_clear(struct pile *);
void	pile_done(struct pile *);

#endif
