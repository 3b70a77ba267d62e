/* text - C strings: case, words, numbers, comparisons, escapes */

#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

bool	text_eq(const char *, const char *);
bool	text_eq_nocase(const char *, const char *);	/* ASCII */
bool	text_starts(const char *s, const char *prefix);
bool	text_starts_nocase(const char *s, const char *prefix);
bool	text_ends_nocase(const char *s, const char *suffix);
bool	text_is_ascii(const char *, size_t len);
bool	text_is_utf8(const char *, size_t len);	/* RFC 3629, strict */

/* Bytes and value of the character at `s`; 0 if that is not UTF-8. */
size_t	text_utf8_char(const char *s, size_t len, uint32_t *ret);

bool	text_is_digits(const char *);			/* and not empty */

/* Lower case in place: ASCII only.  Returns its argument. */
char	*text_lower(char *);

/* Adds `s` in lower case: Unicode full folding if it is valid UTF-8 and
 * `utf8`, otherwise ASCII. */
void	text_fold(struct buf *, const char *s, bool utf8);

/* Removes white space at both ends, in place; returns the new start. */
char	*text_trim(char *);

/*
 * The next word of *s, ended by any byte of `sep`; a word that begins with
 * '{' reaches to its matching '}' (braces kept) if `braces`.  NUL-terminates
 * it in place and moves *s on.  NULL at the end.  Unbalanced braces: the
 * word reaches to the end of the string.
 */
char	*text_word(char **s, const char *sep, bool braces);

#define TEXT_LIST_SEP ", \t\r\n"	/* between items of a main.cf list */

/* Does the list have this word?  ASCII case is ignored. */
bool	text_has_word(const char *list, const char *word);

/* Whole string to number, within bounds; false leaves *ret alone. */
bool	text_to_long(const char *, long min, long max, long *ret);
bool	text_to_u64(const char *, uint64_t max, uint64_t *ret);

/* Copies with every control and (unless utf8 and valid) 8-bit byte shown as
 * '?', for log lines and replies. */
void	text_printable(struct buf *, const char *, size_t len, bool utf8);

/* Adds C's escapes ("\\t", "\\40") decoded; other text as it is. */
void	text_unescape(struct buf *, const char *);

/* Lines (CRLF) of at most `width` bytes, broken at spaces; all but the first
 * begin with `indent` spaces.  A longer word has a line of its own. */
void	text_wrap(struct buf *, const char *text, size_t width, size_t indent);

/* xtext of RFC 3461 4; decode is false on bad syntax. */
void	text_xtext(struct buf *, const char *, size_t len);
bool	text_unxtext(struct buf *, const char *, size_t len);

/* Adds text with "%41" decoded (RFC 3986 2.1).  False, with a part added, on
 * '%' without two digits, and on %00. */
bool	text_unpercent(struct buf *, const char *);

void	text_hex(struct buf *, const void *, size_t len);	/* lower case */
void	text_base64(struct buf *, const void *, size_t len);
bool	text_unbase64(struct buf *, const char *, size_t len);

/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void	text_json(struct buf *, const char *, size_t len);

/*
 * Edit distance with transpositions, at most `limit`; for "did you mean".
 * Returns limit + 1 if it is more.
 */
int	text_distance(const char *, const char *, int limit);

#endif
