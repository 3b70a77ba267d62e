#include "qmgr/rate.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "util/mem.h"

bool
rate_parse(const char *text, uint32_t *ret_limit, int64_t *ret_period_ms)
{
	char	     *end;
	unsigned long limit = strtoul(text, &end, 10);
	char	     *period;
	long	      ms;
	bool	      ok;

	if (*text < '0' || *text > '9' || limit < 1 ||
	    limit > RATE_LIMIT_MAX || *end != '/')
		return false;
	/* "5/s" is "5/1s" */
	end++;
	period = mem_printf("%s%s", *end < '0' || *end > '9' ? "1" : "", end);
	ok = conf_parse_delay(period, 's', &ms) && ms > 0;
	mem_free(period);
	if (ok) {
		*ret_limit = (uint32_t)limit;
		*ret_period_ms = ms;
	}
	return ok;
}

/* Room for at least one more, the oldest first in memory. */
static void
resize(struct rate *r, uint32_t size)
{
	int64_t *at = mem_alloc(size * sizeof *at);
	uint32_t keep = r->count < size ? r->count : size;

	for (uint32_t i = 0; i < keep; i++)
		at[i] = r->at[(r->first + r->count - keep + i) % r->size];
	mem_free(r->at);
	r->at = at;
	r->size = size;
	r->count = keep;
	r->first = 0;
}

void
rate_set(struct rate *r, uint32_t limit, int64_t period_ms)
{
	r->limit = limit;
	r->period = period_ms;
	if (limit == 0)
		rate_done(r);
	else if (r->count > limit)
		resize(r, limit);
}

void
rate_done(struct rate *r)
{
	mem_free(r->at);
	*r = (struct rate){ .limit = r->limit, .period = r->period };
}

static void
forget_old(struct rate *r, int64_t now)
{
	while (r->count > 0 && r->at[r->first] + r->period <= now) {
		r->first = (r->first + 1) % r->size;
		r->count--;
	}
}

int64_t
rate_next(struct rate *r, int64_t now)
{
	forget_old(r, now);
	if (r->limit == 0 || r->count < r->limit)
		return now;
	return r->at[(r->first + r->count - r->limit) % r->size] + r->period;
}

void
rate_take(struct rate *r, int64_t now)
{
	if (r->limit == 0)
		return;
	forget_old(r, now);
	/* What goes beyond the limit (connections that nobody could foresee)
	 * pushes out the oldest. */
	if (r->count == r->limit) {
		r->first = (r->first + 1) % r->size;
		r->count--;
	}
	if (r->count == r->size)
		resize(r, r->size == 0 ? 8 : 2 * r->size);
	r->at[(r->first + r->count++) % r->size] = now;
}

bool
rate_is_idle(struct rate *r, int64_t now)
{
	forget_old(r, now);
	return r->count == 0;
}
