/* tests - what a client must pass, and until when it has */

#ifndef POSTSCREEN_TESTS_H
#define POSTSCREEN_TESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

/* In the order of a record in the cache. */
enum test {
	TEST_PREGREET, TEST_DNSBL,		/* before the greeting */
	TEST_PIPELINING, TEST_NON_SMTP, TEST_BARE_NEWLINE,	/* after it */
	TEST_COUNT
};

enum {
	TESTS_EARLY = 1 << TEST_PREGREET | 1 << TEST_DNSBL,
	TESTS_DEEP = 1 << TEST_PIPELINING | 1 << TEST_NON_SMTP |
	    1 << TEST_BARE_NEWLINE,
};

/* A test that was not made since it was off; 0: that was not passed. */
enum { RECORD_NOT_TESTED = 1 };

/* Until when each was passed: seconds, wall clock; or one of those. */
struct record {
	int64_t		until[TEST_COUNT];
};

/* "1300000000;1300000001;0;0;0".  False: that is none. */
bool		 record_parse(struct record *, const char *);
void		 record_print(struct buf *, const struct record *);

/* Bits of those among `wanted` that were passed too long ago. */
unsigned	 record_due(const struct record *, unsigned wanted,
		    int64_t now);

/* Was one of `wanted` never passed? */
bool		 record_lacks(const struct record *, unsigned wanted);

/* What a failure leads to: postscreen_*_action. */
enum action { ACTION_IGNORE, ACTION_ENFORCE, ACTION_DROP };

bool		 action_parse(const char *, enum action *ret);

/* "bl.example=127.0.0.[2;4]*3" */
struct site {
	char		*domain;
	char		*filter;	/* NULL: any answer */
	int		 weight;
};

/* False with why, static text.  The strings are malloc'ed. */
bool		 site_parse(struct site *, const char *, const char **ret_why);

#endif
