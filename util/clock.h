/* clock - the time, cheaply */

#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include <stdint.h>
#include <time.h>

struct buf;

/*
 * All waits and deadlines in this program are absolute monotonic
 * milliseconds.  CLOCK_NEVER is later than every deadline.
 */
#define CLOCK_NEVER INT64_MAX

int64_t	clock_ms(void);		/* monotonic, read now */
int64_t	clock_in(int seconds);	/* deadline so many seconds from now */

/* Wall clock in microseconds since 1970: arrival times, delays. */
int64_t	clock_wall_us(void);

/* RFC 5322 3.3: "Sat, 22 Nov 2025 01:10:54 +0000 (UTC)". */
void	clock_rfc_date(struct buf *, time_t);

/* Adds delay in seconds as log lines write it: "0.01", "1.2", "35", "1202".
 * `digits` is delay_logging_resolution_limit. */
void	clock_delay(struct buf *, int64_t usec, int digits);

#endif
