/* map - hash table from strings to pointers */

#ifndef UTIL_MAP_H
#define UTIL_MAP_H

#include <stddef.h>

/*
 * Keys are bytes, copied in.  Values are the caller's: the map never frees
 * them.  Hashing is keyed with a random number of the process, so that nobody
 * outside can build collisions.  Order of iteration is that of insertion
 * (after a removal the last takes the hole).
 */
struct map;

struct map_entry {
	void		*value;
	size_t		 key_len;
	char		*key;		/* NUL follows */
};

struct map	*map_new(void);
void		 map_free(struct map *, void (*free_value)(void *));

size_t		 map_count(const struct map *);
void		*map_find(const struct map *, const char *key);
void		*map_find_n(const struct map *, const void *key, size_t len);

/* The entry of a key, made with a NULL value if it was not there.  Valid
 * until the next call that adds or removes. */
struct map_entry *map_slot(struct map *, const void *key, size_t len);

/* Sets and returns the old value or NULL. */
void		*map_set(struct map *, const char *key, void *value);

/* Removes and returns the value or NULL. */
void		*map_remove(struct map *, const char *key);
void		*map_remove_n(struct map *, const void *key, size_t len);

/* for (size_t i = 0; i < map_count(m); i++) map_at(m, i) ... */
struct map_entry *map_at(const struct map *, size_t i);

#endif
