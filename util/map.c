/*
 * map - hash table from strings to pointers
 *
 * Entries stand in an array in order of insertion; a table of indices with
 * linear probing leads to them.  SipHash-2-4 keyed with a random number: the
 * keys may be an attacker's.
 */

#include "util/map.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/mem.h"

struct entry {
	struct map_entry	e;
	uint64_t		hash;
};

struct map {
	struct entry	*entries;
	size_t		 count, size;
	uint32_t	*slots;		/* index + 1; 0 free */
	size_t		 mask;		/* slots - 1; 0: no slots */
};

static uint64_t secret[2];
static int	have_secret;

static void
make_secret(void)
{
	if (getrandom(secret, sizeof secret, GRND_NONBLOCK) !=
	    sizeof secret) {
		secret[0] = (uint64_t)clock_wall_us() * 0x9e3779b97f4a7c15u;
		secret[1] = (uint64_t)getpid() ^ (uintptr_t)&secret;
	}
	have_secret = 1;
}

static inline uint64_t
rotate(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1]; v[1] = rotate(v[1], 13) ^ v[0]; v[0] = rotate(v[0], 32);
	v[2] += v[3]; v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3]; v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1]; v[1] = rotate(v[1], 17) ^ v[2]; v[2] = rotate(v[2], 32);
}

static uint64_t
hash(const void *key, size_t len)
{
	const unsigned char *p = key;
	uint64_t v[4], word, last = (uint64_t)len << 56;

	v[0] = secret[0] ^ 0x736f6d6570736575u;
	v[1] = secret[1] ^ 0x646f72616e646f6du;
	v[2] = secret[0] ^ 0x6c7967656e657261u;
	v[3] = secret[1] ^ 0x7465646279746573u;
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < len; i++)
		last |= (uint64_t)p[i] << 8 * i;
	v[3] ^= last;
	sip_round(v);
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *
map_new(void)
{
	if (!have_secret)
		make_secret();
	return NEW(struct map);
}

void
map_free(struct map *m, void (*free_value)(void *))
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->count; i++) {
		if (free_value != NULL)
			free_value(m->entries[i].e.value);
		mem_free(m->entries[i].e.key);
	}
	mem_free(m->entries);
	mem_free(m->slots);
	mem_free(m);
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

/* The slot of a key, or the free one where it would go. */
static size_t
find_slot(const struct map *m, const void *key, size_t len, uint64_t h)
{
	const struct entry *e;
	size_t		    i;

	for (i = h & m->mask; m->slots[i] != 0; i = (i + 1) & m->mask) {
		e = &m->entries[m->slots[i] - 1];
		if (e->hash == h && e->e.key_len == len &&
		    memcmp(e->e.key, key, len) == 0)
			break;
	}
	return i;
}

void *
map_find(const struct map *m, const char *key)
{
	return map_find_n(m, key, strlen(key));
}

void *
map_find_n(const struct map *m, const void *key, size_t len)
{
	size_t i;

	if (m->count == 0)
		return NULL;
	i = m->slots[find_slot(m, key, len, hash(key, len))];
	return i == 0 ? NULL : m->entries[i - 1].e.value;
}

/* At most two thirds of the slots are used. */
static void
grow(struct map *m)
{
	size_t slots = m->mask == 0 ? 8 : (m->mask + 1) * 2, k;

	mem_free(m->slots);
	m->slots = mem_zalloc(slots * sizeof *m->slots);
	m->mask = slots - 1;
	for (size_t i = 0; i < m->count; i++) {
		k = m->entries[i].hash & m->mask;
		while (m->slots[k] != 0)
			k = (k + 1) & m->mask;
		m->slots[k] = (uint32_t)i + 1;
	}
}

struct map_entry *
map_slot(struct map *m, const void *key, size_t len)
{
	uint64_t      h = hash(key, len);
	struct entry *e;
	size_t	      i;

	if (m->mask == 0 || (m->count + 1) * 3 > (m->mask + 1) * 2)
		grow(m);
	i = find_slot(m, key, len, h);
	if (m->slots[i] != 0)
		return &m->entries[m->slots[i] - 1].e;
	assert(m->count < UINT32_MAX);
	if (m->count == m->size) {
		m->size = m->size == 0 ? 4 : m->size * 2;
		m->entries = mem_realloc(m->entries,
		    m->size * sizeof *m->entries);
	}
	e = &m->entries[m->count++];
	e->hash = h;
	e->e.value = NULL;
	e->e.key_len = len;
	e->e.key = mem_strndup(key, len);
	m->slots[i] = (uint32_t)m->count;
	return &e->e;
}

void *
map_set(struct map *m, const char *key, void *value)
{
	struct map_entry *e = map_slot(m, key, strlen(key));
	void		 *old = e->value;

	e->value = value;
	return old;
}

/* Closes the gap at slot i: moves up every later entry of the run that may
 * stand there. */
static void
free_slot(struct map *m, size_t i)
{
	size_t k = i, home;

	for (;;) {
		k = (k + 1) & m->mask;
		if (m->slots[k] == 0)
			break;
		home = m->entries[m->slots[k] - 1].hash & m->mask;
		if (((k - home) & m->mask) < ((k - i) & m->mask))
			continue;
		m->slots[i] = m->slots[k];
		i = k;
	}
	m->slots[i] = 0;
}

void *
map_remove(struct map *m, const char *key)
{
	return map_remove_n(m, key, strlen(key));
}

void *
map_remove_n(struct map *m, const void *key, size_t len)
{
	size_t	      i, at, last;
	struct entry *e;
	void	     *value;

	if (m->count == 0)
		return NULL;
	i = find_slot(m, key, len, hash(key, len));
	if (m->slots[i] == 0)
		return NULL;
	at = m->slots[i] - 1;
	free_slot(m, i);
	value = m->entries[at].e.value;
	mem_free(m->entries[at].e.key);
	last = --m->count;
	if (at != last) {
		e = &m->entries[last];
		i = e->hash & m->mask;
		while (m->slots[i] != last + 1)
			i = (i + 1) & m->mask;
		m->slots[i] = (uint32_t)at + 1;
		m->entries[at] = *e;
	}
	return value;
}

struct map_entry *
map_at(const struct map *m, size_t i)
{
	assert(i < m->count);
	return &m->entries[i].e;
}
