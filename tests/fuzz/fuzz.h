/* fuzz - what a fuzz target defines; see tests/fuzz/README */

#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int	LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What the target's own language is made of; ends with NULL. */
extern const char *const fuzz_words[];

/* Good inputs to be changed at random, for binary formats; may be left out.
 * Ends with NULL bytes. */
struct fuzz_seed {
	const char	*bytes;
	size_t		 len;
};

extern const struct fuzz_seed fuzz_seeds[] __attribute__((weak));

#define FUZZ_SEED(literal) { literal, sizeof(literal) - 1 }

#endif
