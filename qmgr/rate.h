/* rate - at most so many in any period, exactly */

#ifndef QMGR_RATE_H
#define QMGR_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RATE_LIMIT_MAX = 100000 };

/*
 * The times of the last `limit` events are kept: eight bytes each, as far as
 * there are some.  Times in ms of any one clock that does not go back.
 */
struct rate {
	uint32_t	 limit;		/* 0: none */
	int64_t		 period;	/* ms */
	int64_t		*at;		/* a ring, the oldest at `first` */
	uint32_t	 first, count, size;
};

/* "100/1h", "10/30s", "5/s": a number from 1 to RATE_LIMIT_MAX and a period.
 * False on bad syntax. */
bool	rate_parse(const char *, uint32_t *ret_limit, int64_t *ret_period_ms);

/* New bounds; of what is known the newest is kept.  Start with zeros. */
void	rate_set(struct rate *, uint32_t limit, int64_t period_ms);
void	rate_done(struct rate *);

/* When the next event may be: `now` or later. */
int64_t	rate_next(struct rate *, int64_t now);

void	rate_take(struct rate *, int64_t now);

/* Nothing of the last period is known. */
bool	rate_is_idle(struct rate *, int64_t now);

#endif
