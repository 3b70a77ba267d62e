#include <stdio.h>
#include <string.h>

#include "mail/queue_id.h"

/*
 * Digits of long ids: no vowels, so that no words appear.  Base 51 leaves out
 * the last, 'z', which separates time and inode.
 */
static const char digits[] =
    "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

enum {
	BASE = 52, INODE_BASE = 51,
	SECONDS_MIN = 6,	/* digits of the seconds: at least */
	MICROS_LEN = 4,		/* digits of the microseconds */
	SHORT_MICROS_LEN = 5,
	PLAUSIBLE_MAX = 255,
};

/* Writes `value` with at least `min` digits; returns how many. */
static size_t
put_digits(char *to, uint64_t value, unsigned base, size_t min)
{
	char   reversed[16];
	size_t n = 0;

	while (value != 0 || n < min || n == 0) {
		reversed[n++] = digits[value % base];
		value /= base;
	}
	for (size_t i = 0; i < n; i++)
		to[i] = reversed[n - 1 - i];
	return n;
}

void
queue_id_make(char ret[QUEUE_ID_MAX], int64_t wall_us, ino_t inode, bool is_long)
{
	uint64_t seconds = (uint64_t)wall_us / 1000000;
	unsigned micros = (unsigned)((uint64_t)wall_us % 1000000);
	size_t	 n;

	if (!is_long) {
		snprintf(ret, QUEUE_ID_MAX, "%05X%lX", micros,
		    (unsigned long)inode);
		return;
	}
	n = put_digits(ret, seconds, BASE, SECONDS_MIN);
	n += put_digits(ret + n, micros, BASE, MICROS_LEN);
	ret[n++] = 'z';
	n += put_digits(ret + n, (uint64_t)inode, INODE_BASE, 1);
	ret[n] = '\0';
}

static int
digit_value(char c)
{
	const char *p = c == '\0' ? NULL : strchr(digits, c);

	return p == NULL ? -1 : (int)(p - digits);
}

static const char *
long_separator(const char *id)
{
	const char *z = strrchr(id, 'z');

	if (z == NULL || z - id < SECONDS_MIN + MICROS_LEN || z[1] == '\0')
		return NULL;
	return z;
}

bool
queue_id_is_valid(const char *id)
{
	size_t len = strnlen(id, QUEUE_ID_MAX);

	if (len == QUEUE_ID_MAX || len <= SHORT_MICROS_LEN)
		return false;
	if (strspn(id, "0123456789ABCDEF") == len)
		return true;
	return long_separator(id) != NULL && strspn(id, digits) == len;
}

bool
queue_id_is_plausible(const char *id)
{
	size_t len = strspn(id, "0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz");

	return len > 0 && len <= PLAUSIBLE_MAX && id[len] == '\0';
}

int64_t
queue_id_time(const char *id)
{
	const char *z;
	uint64_t    seconds = 0, micros = 0;

	if (!queue_id_is_valid(id) || (z = long_separator(id)) == NULL)
		return -1;
	for (const char *p = id; p < z - MICROS_LEN; p++) {
		seconds = seconds * BASE + (uint64_t)digit_value(*p);
		if (seconds > INT64_MAX / 1000000 / 2)
			return -1;
	}
	for (const char *p = z - MICROS_LEN; p < z; p++)
		micros = micros * BASE + (uint64_t)digit_value(*p);
	return (int64_t)(seconds * 1000000 + micros);
}
