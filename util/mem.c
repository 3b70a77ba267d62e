/* mem - memory that never fails, and pools that are freed at once */

#include "util/mem.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/log.h"

enum {
	POOL_FIRST = 1024 - 64,		/* bytes; leaves room for malloc's own */
	POOL_MAX = 64 * 1024 - 64,	/* blocks double up to this */
};

/* Large requests get a block of their own, behind the current one. */
struct pool_block {
	struct pool_block	*next;
	size_t			 size;	/* bytes after the header */
	alignas(max_align_t) char bytes[];
};

static void *
check(void *p, size_t size)
{
	if (p == NULL)
		panic("out of memory: %zu bytes wanted", size);
	return p;
}

void *
mem_alloc(size_t size)
{
	return check(malloc(size > 0 ? size : 1), size);
}

void *
mem_zalloc(size_t size)
{
	return check(calloc(1, size > 0 ? size : 1), size);
}

void *
mem_realloc(void *old, size_t size)
{
	return check(realloc(old, size > 0 ? size : 1), size);
}

void
mem_free(void *p)
{
	free(p);
}

char *
mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s) + 1);
}

char *
mem_strndup(const char *s, size_t len)
{
	char *p = mem_alloc(len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *
mem_printf(const char *fmt, ...)
{
	va_list	 ap;
	char	*s;
	int	 n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		panic("out of memory: formatting");
	return s;
}

void *
mem_dup(const void *bytes, size_t len)
{
	void *p = mem_alloc(len);

	if (len > 0)
		memcpy(p, bytes, len);
	return p;
}

static struct pool_block *
new_block(size_t size)
{
	struct pool_block *b;

	if (size > SIZE_MAX - sizeof *b)
		panic("pool: %zu bytes wanted", size);
	b = mem_alloc(sizeof *b + size);
	b->size = size;
	b->next = NULL;
	return b;
}

static void *
alloc_slow(struct pool *p, size_t size)
{
	struct pool_block *b;
	size_t		   want;

	want = p->blocks != NULL ? p->blocks->size * 2 + 64 : POOL_FIRST;
	if (want > POOL_MAX)
		want = POOL_MAX;
	if (size > want / 2 && p->blocks != NULL) {
		b = new_block(size);
		b->next = p->blocks->next;
		p->blocks->next = b;
		return b->bytes;
	}
	if (want < size)
		want = size;
	b = new_block(want);
	b->next = p->blocks;
	p->blocks = b;
	p->next = b->bytes + size;
	p->end = b->bytes + want;
	return b->bytes;
}

void *
pool_alloc(struct pool *p, size_t size)
{
	enum { ALIGN = alignof(max_align_t) };
	char *at = p->next;

	if (size > SIZE_MAX - ALIGN)
		panic("pool: %zu bytes wanted", size);
	size = size == 0 ? ALIGN : (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (at == NULL || (size_t)(p->end - at) < size)
		return alloc_slow(p, size);
	p->next = at + size;
	return at;
}

void *
pool_zalloc(struct pool *p, size_t size)
{
	return memset(pool_alloc(p, size), 0, size);
}

char *
pool_strdup(struct pool *p, const char *s)
{
	return pool_strndup(p, s, strlen(s));
}

char *
pool_strndup(struct pool *p, const char *s, size_t len)
{
	char *copy = pool_alloc(p, len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *
pool_printf(struct pool *p, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list	   ap;
	char	  *s;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	s = pool_alloc(p, text.len + 1);
	memcpy(s, text.data, text.len + 1);
	buf_done(&text);
	return s;
}

/* The block that is kept is the smallest there is: the first made, which is
 * the last of the list unless a large one hangs behind it. */
void
pool_clear(struct pool *p)
{
	struct pool_block *keep = NULL, *next;

	for (struct pool_block *b = p->blocks; b != NULL; b = next) {
		next = b->next;
		if (keep == NULL || b->size < keep->size) {
			free(keep);
			keep = b;
		} else
			free(b);
	}
	if (keep == NULL)
		return;
	keep->next = NULL;
	p->blocks = keep;
	p->next = keep->bytes;
	p->end = keep->bytes + keep->size;
}

void
pool_done(struct pool *p)
{
	struct pool_block *next;

	for (struct pool_block *b = p->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	*p = (struct pool)POOL_INIT;
}
