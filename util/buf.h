/* buf - growable byte string, and the slice */

#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A struct buf owns `len` bytes that may hold any value.  `data` is never
 * NULL and data[len] is always '\0', so it may be passed where a C string is
 * wanted if it holds no other NUL.  Start with BUF_INIT, end with buf_done().
 *
 * Growing never fails: lack of memory ends the process (see util/mem.h).
 * Pointers into `data` live until the next call that takes a non-const buf.
 */
struct buf {
	char	*data;
	size_t	 len;
	size_t	 size;		/* bytes allocated; 0 while nothing is owned */
};

extern char buf_empty[1];

#define BUF_INIT { .data = buf_empty }

void	buf_add(struct buf *, const void *bytes, size_t len);
void	buf_addc(struct buf *, char);
void	buf_adds(struct buf *, const char *str);
void	buf_addf(struct buf *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	buf_addv(struct buf *, const char *fmt, va_list)
	    __attribute__((format(printf, 2, 0)));

/* Replaces the content. */
void	buf_set(struct buf *, const char *str);

/* Makes room for `more` bytes after len and returns where they start. */
char	*buf_room(struct buf *, size_t more) __attribute__((returns_nonnull));

/* Says that `n` bytes of the room were filled. */
void	buf_grow(struct buf *, size_t n);

/* Cuts to `len` bytes; len must not be larger than it is. */
void	buf_cut(struct buf *, size_t len);

/* Removes the first n bytes. */
void	buf_skip(struct buf *, size_t n);

/* Replaces `old_len` bytes at `pos` by `len` others. */
void	buf_splice(struct buf *, size_t pos, size_t old_len,
	    const void *bytes, size_t len);

/* Empties the buffer but keeps its memory. */
void	buf_clear(struct buf *);

/* Gives up the bytes: the caller frees them, the buffer is empty again. */
char	*buf_take(struct buf *);

void	buf_done(struct buf *);

/* A slice: bytes that belong to someone else, not NUL-terminated. */
struct str {
	const char	*p;
	size_t		 n;
};

#define STR(literal) ((struct str){ literal, sizeof(literal) - 1 })

struct str	str_of(const char *);		/* of a C string */
bool		str_is(struct str, const char *);	/* bytes equal */
bool		str_is_nocase(struct str, const char *); /* ASCII case */

#endif
