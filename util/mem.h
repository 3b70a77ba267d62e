/* mem - memory that never fails, and pools that are freed at once */

#ifndef UTIL_MEM_H
#define UTIL_MEM_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Lack of memory ends the process through panic(): no caller checks.
 * Zero-sized requests return a unique pointer.  mem_free(NULL) is a no-op.
 */
void	*mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void	*mem_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
void	*mem_realloc(void *old, size_t size) __attribute__((returns_nonnull));
void	 mem_free(void *);
char	*mem_strdup(const char *) __attribute__((malloc, returns_nonnull));
char	*mem_strndup(const char *, size_t len)
	    __attribute__((malloc, returns_nonnull));
char	*mem_printf(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2), returns_nonnull));
void	*mem_dup(const void *, size_t len)
	    __attribute__((malloc, returns_nonnull));

/* NEW(struct thing) is a zeroed object of that type. */
#define NEW(type) ((type *)mem_zalloc(sizeof(type)))

/*
 * A pool hands out memory that is never freed singly: everything goes with
 * pool_clear() (which keeps one block for reuse) or pool_done().  One pool a
 * session, one a transaction.  Start with POOL_INIT; nothing is allocated
 * until first use.  Results are aligned for any type and zeroed only by
 * pool_zalloc().
 */
struct pool {
	struct pool_block	*blocks;
	char			*next, *end;
};

#define POOL_INIT { 0 }

void	*pool_alloc(struct pool *, size_t) __attribute__((returns_nonnull));
void	*pool_zalloc(struct pool *, size_t) __attribute__((returns_nonnull));
char	*pool_strdup(struct pool *, const char *)
	    __attribute__((returns_nonnull));
char	*pool_strndup(struct pool *, const char *, size_t len)
	    __attribute__((returns_nonnull));
char	*pool_printf(struct pool *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3), returns_nonnull));
void	 pool_clear(struct pool *);
void	 pool_done(struct pool *);

#endif
