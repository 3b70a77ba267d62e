/*
 * Runs a fuzz target (tests/FOLDER/x_fuzz.c) where there is no libFuzzer, and
 * as a part of `make check`: the files named on the command line, or those of
 * tests/fuzz/corpus/FOLDER/x and some thousands of inputs made by chance, the
 * same ones each time.  `make fuzz` links the target with libFuzzer instead.
 */

#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { ROUNDS = 20000, INPUT_MAX = 4096 };

static uint64_t state = 1;

static uint32_t
next(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

static size_t
make_input(uint8_t *to)
{
	size_t	 len = 0, words = 0, pieces = 1 + next(24);

	while (fuzz_words[words] != NULL)
		words++;
	while (pieces-- > 0) {
		const char *w = words > 0 ? fuzz_words[next((uint32_t)words)] :
		    "";
		size_t n = next(4) == 0 ? 1 : strlen(w);

		if (len + n > INPUT_MAX)
			break;
		if (n == 1 && next(2) == 0)
			to[len] = (uint8_t)next(256);
		else
			memcpy(to + len, w, n);
		len += n;
	}
	return len;
}

/* One change: a bit, a byte, a cut, a piece twice, a byte put in. */
static size_t
change(uint8_t *p, size_t len)
{
	size_t at = len > 0 ? next((uint32_t)len) : 0, n;

	switch (next(5)) {
	case 0:
		if (len > 0)
			p[at] ^= (uint8_t)(1 << next(8));
		return len;
	case 1:
		if (len > 0)
			p[at] = (uint8_t)(next(2) * 255);
		return len;
	case 2:
		return at;
	case 3:
		n = 1 + next(16);
		if (len + n > INPUT_MAX || at + n > len)
			return len;
		memmove(p + at + n, p + at, len - at);
		return len + n;
	default:
		if (len + 1 > INPUT_MAX)
			return len;
		memmove(p + at + 1, p + at, len - at);
		p[at] = (uint8_t)next(256);
		return len + 1;
	}
}

/* A good input, changed up to seven times. */
static size_t
change_seed(uint8_t *to)
{
	const struct fuzz_seed *s;
	size_t			len, seeds = 0;

	while (fuzz_seeds[seeds].bytes != NULL)
		seeds++;
	s = &fuzz_seeds[next((uint32_t)seeds)];
	len = s->len < INPUT_MAX ? s->len : INPUT_MAX;
	memcpy(to, s->bytes, len);
	for (uint32_t n = next(8); n > 0; n--)
		len = change(to, len);
	return len;
}

static int
run_file(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE	*f = fopen(path, "rb");
	uint8_t *input;
	size_t	 n;

	if (f == NULL) {
		perror(path);
		return 1;
	}
	n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	/* On the heap and no longer than it is, for the sanitizer. */
	input = malloc(n + 1);
	if (input == NULL)
		return 1;
	memcpy(input, bytes, n);
	LLVMFuzzerTestOneInput(input, n);
	free(input);
	return 0;
}

/* "build/tests/mail/mime_fuzz" has its files in tests/fuzz/corpus/mail/mime. */
static int
run_corpus(const char *program)
{
	const char *folder = strstr(program, "tests/");
	char	    pattern[256];
	int	    failed = 0;
	glob_t	    found = { 0 };

	if (folder == NULL)
		return 0;
	folder += strlen("tests/");
	snprintf(pattern, sizeof pattern, "tests/fuzz/corpus/%.*s/*",
	    (int)strlen(folder) - (int)strlen("_fuzz"), folder);
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			failed |= run_file(found.gl_pathv[i]);
	globfree(&found);
	return failed;
}

int
main(int argc, char **argv)
{
	uint8_t bytes[INPUT_MAX];
	int	failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= run_file(argv[i]);
	if (argc == 1)
		failed |= run_corpus(argv[0]);
	for (int i = 0; argc == 1 && i < ROUNDS; i++) {
		/* On the heap and no longer than it is, for the sanitizer. */
		size_t	 n = fuzz_seeds != NULL && next(4) != 0 ?
		    change_seed(bytes) : make_input(bytes);
		uint8_t *input = malloc(n + 1);

		if (input == NULL)
			return 1;
		memcpy(input, bytes, n);
		LLVMFuzzerTestOneInput(input, n);
		free(input);
	}
	printf("ok 1 - survives inputs made by chance\n1..1\n");
	return failed;
}
