#include "qmgr/policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sums like 10 x 0.1 must reach 1. */
static const double ALMOST_ONE = 1.0 - 1e-9;

bool
feedback_parse(const char *text, struct feedback *ret)
{
	struct feedback f = { .style = FEEDBACK_FIXED };
	char	       *end;

	f.amount = strtod(text, &end);
	if (end == text || !(f.amount >= 0 && f.amount <= 1))
		return false;
	end += strspn(end, " \t");
	if (*end == '/') {
		end += 1 + strspn(end + 1, " \t");
		if (strcmp(end, "concurrency") == 0)
			f.style = FEEDBACK_LINEAR;
		else if (strcmp(end, "sqrt_concurrency") == 0)
			f.style = FEEDBACK_SQUARE_ROOT;
		else
			return false;
	} else if (*end != '\0') {
		return false;
	}
	*ret = f;
	return true;
}

static double
amount(const struct feedback *f, int concurrency)
{
	switch (f->style) {
	case FEEDBACK_LINEAR:
		return f->amount / concurrency;
	case FEEDBACK_SQUARE_ROOT:
		return f->amount / sqrt(concurrency);
	case FEEDBACK_FIXED:
		break;
	}
	return f->amount;
}

static int
bounded(int size, const struct window_rules *rules)
{
	if (rules->limit > 0 && size > rules->limit)
		size = rules->limit;
	return size < 1 ? 1 : size;
}

void
window_start(struct window *w, const struct window_rules *rules)
{
	*w = (struct window){ .size = bounded(rules->initial, rules) };
}

void
window_success(struct window *w, const struct window_rules *rules, int busy)
{
	w->cohorts = 0;
	if (w->size < 1)
		window_start(w, rules);
	if (w->size >= busy + rules->initial)
		return;
	w->success += amount(&rules->positive, w->size);
	if (w->success >= ALMOST_ONE) {
		w->size = bounded(w->size + 1, rules);
		w->success = 0;
		w->failure = 0;
	}
}

bool
window_failure(struct window *w, const struct window_rules *rules)
{
	if (w->size < 1)
		return true;
	w->cohorts += 1.0 / w->size;
	if (w->cohorts >= rules->cohort_limit - 1e-9) {
		w->size = 0;
		return true;
	}
	w->failure -= amount(&rules->negative, w->size);
	if (w->failure < 0) {
		w->size = bounded(w->size - 1, rules);
		w->failure += 1;
		w->success = 0;
	}
	return false;
}

int64_t
retry_delay(int64_t age, int64_t min, int64_t max)
{
	if (age > max)
		age = max;
	return age < min ? min : age;
}

/*
 * Every `cost` deliveries of a message earn a slot, which a delivery of
 * another message may use.  With a cost of k the message is at most
 * k / (k - 1) times as late as without, however often it happens and however
 * deep those that step in front are stepped in front of.
 */
int
slots_now(const struct slots *s, const struct slot_rules *rules)
{
	if (rules->cost <= 1)
		return 0;
	return (int)(s->begun / (unsigned)rules->cost) - (int)s->spent;
}

int
slots_ever(const struct slots *s, const struct slot_rules *rules)
{
	if (rules->cost <= 1)
		return 0;
	return (int)((s->begun + s->waiting) / (unsigned)rules->cost) -
	    (int)s->spent;
}

bool
slots_worth_a_look(const struct slots *s, const struct slot_rules *rules)
{
	return rules->cost > 1 && slots_ever(s, rules) >= rules->minimum;
}

bool
slots_could(const struct slots *s, const struct slot_rules *rules,
    unsigned deliveries)
{
	return (int)deliveries <= slots_ever(s, rules);
}

bool
slots_may(const struct slots *s, const struct slot_rules *rules,
    unsigned deliveries)
{
	int needed = (int)deliveries * (100 - rules->discount) / 100 -
	    rules->loan;

	return slots_could(s, rules, deliveries) &&
	    slots_now(s, rules) >= needed;
}
