#include "smtp/attempt.h"
#include "util/log.h"

bool
attempt_is_left(const struct attempt *a, size_t rcpt)
{
	return a->d->status[rcpt] == 0;
}

bool
attempt_is_open(const struct attempt *a)
{
	for (size_t i = 0; i < a->d->rcpt_count; i++)
		if (attempt_is_left(a, i))
			return true;
	return false;
}

static bool
goes_on(const struct attempt *a, const struct why *why)
{
	return why_outcome(why) == TRY_LATER && !a->is_final;
}

void
attempt_fail_one(struct attempt *a, size_t rcpt, const struct why *why)
{
	if (goes_on(a, why))
		log_info("%s: %s", a->d->id, why->text.data);
	else
		delivery_settle(a->d, &a->d->rcpt[rcpt], &a->via, why);
}

void
attempt_fail_all(struct attempt *a, const struct why *why, bool is_dead)
{
	if (&a->why != why)
		why_copy(&a->why, why);
	if (!attempt_is_open(a))
		return;
	if (goes_on(a, why)) {
		log_info("%s: %s", a->d->id, why->text.data);
		return;
	}
	if (is_dead && why_outcome(why) == TRY_LATER)
		delivery_dead(a->d, why);
	for (size_t i = 0; i < a->d->rcpt_count; i++)
		if (attempt_is_left(a, i))
			delivery_settle(a->d, &a->d->rcpt[i], &a->via, why);
}
