/* test - checks for unit tests, printed as TAP */

#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int test_count, test_failed;
static bool test_ok;

#define CHECK(cond) do { \
	if (!(cond)) { \
		test_ok = false; \
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
	} \
} while (0)

#define CHECK_STR(got, want) do { \
	const char *got_ = (got), *want_ = (want); \
	if (got_ == NULL || strcmp(got_, want_) != 0) { \
		test_ok = false; \
		printf("# %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, \
		    __LINE__, #got, got_ ? got_ : "(null)", want_); \
	} \
} while (0)

#define CHECK_INT(got, want) do { \
	long long got_ = (got), want_ = (want); \
	if (got_ != want_) { \
		test_ok = false; \
		printf("# %s:%d: %s is %lld, not %lld\n", __FILE__, \
		    __LINE__, #got, got_, want_); \
	} \
} while (0)

/* The name of the function is the name of the test, a sentence. */
#define TEST(fn) test_run(#fn, fn)

static inline void
test_run(const char *name, void (*fn)(void))
{
	char text[200];

	test_ok = true;
	fn();
	snprintf(text, sizeof text, "%s", name);
	for (char *p = text; *p != '\0'; p++)
		if (*p == '_')
			*p = ' ';
	printf("%sok %d - %s\n", test_ok ? "" : "not ", ++test_count, text);
	fflush(stdout);
	if (!test_ok)
		test_failed++;
}

static inline int
test_end(void)
{
	printf("1..%d\n", test_count);
	return test_failed == 0 ? 0 : 1;
}

#endif
