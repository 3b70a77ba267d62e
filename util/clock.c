/* clock - the time, cheaply */

#include "util/clock.h"

#include <stdlib.h>

#include "util/buf.h"

int64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
clock_in(int seconds)
{
	return clock_ms() + (int64_t)seconds * 1000;
}

int64_t
clock_wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Names in English whatever the locale says, so not by strftime(). */
void
clock_rfc_date(struct buf *b, time_t when)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;
	long	  off;

	localtime_r(&when, &tm);
	off = tm.tm_gmtoff / 60;
	buf_addf(b, "%.3s, %02d %.3s %04d %02d:%02d:%02d %c%02ld%02ld (%s)",
	    days + tm.tm_wday * 3, tm.tm_mday, months + tm.tm_mon * 3,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    off < 0 ? '-' : '+', labs(off) / 60, labs(off) % 60, tm.tm_zone);
}

/* ".05" for 5 or 50 in two or three places; nothing for 0. */
static void
add_fraction(struct buf *b, int64_t value, int places)
{
	char text[8] = ".";

	while (places > 0 && value % 10 == 0) {
		value /= 10;
		places--;
	}
	if (places == 0)
		return;
	for (int i = places; i > 0; i--, value /= 10)
		text[i] = (char)('0' + value % 10);
	buf_add(b, text, (size_t)places + 1);
}

/*
 * Two significant digits, but no more than `digits` after the point: 0.01,
 * 1.2, 35, 1202.  Less than the smallest unit shows as 0, and trailing zeros
 * go: "0.1", "2".
 */
void
clock_delay(struct buf *b, int64_t usec, int digits)
{
	static const int64_t tenth[] = { 1000000, 100000, 10000, 1000, 100, 10, 1 };
	int64_t	  unit, value;
	int	  places = 0;

	if (usec < 0)
		usec = 0;
	if (digits < 0)
		digits = 0;
	if (digits > 6)
		digits = 6;
	/* One place for each digit that the number lacks before the point. */
	if (usec < 10000000)
		places = 1;
	while (places > 0 && places < digits && usec < tenth[places] * 10)
		places++;
	if (places > digits)
		places = digits;
	unit = tenth[places];
	value = (usec + unit / 2) / unit;
	buf_addf(b, "%lld", (long long)(value * unit / 1000000));
	add_fraction(b, value * unit % 1000000 / unit, places);
}
