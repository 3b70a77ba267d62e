/* casefold - characters without their case */

#ifndef UTIL_CASEFOLD_H
#define UTIL_CASEFOLD_H

#include <stdint.h>

enum { CASEFOLD_MAX = 3 };	/* characters that one can fold to */

/* Unicode's full folding, the same in every language; returns how many. */
int	casefold(uint32_t c, uint32_t to[CASEFOLD_MAX]);

#endif
