/* policy - what the queue manager decides, as functions without side effects */

#ifndef QMGR_POLICY_H
#define QMGR_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* --- concurrency of a destination */

/* "1", "0.5/concurrency", "1/sqrt_concurrency": how much one delivery counts
 * when N are allowed at the same time. */
struct feedback {
	double	amount;
	enum { FEEDBACK_FIXED, FEEDBACK_LINEAR, FEEDBACK_SQUARE_ROOT } style;
};

/* False on bad syntax and on amounts outside of 0 to 1. */
bool	feedback_parse(const char *, struct feedback *ret);

struct window_rules {
	int		initial, limit;	/* deliveries at the same time; limit
					   0: none */
	int		cohort_limit;	/* failed cohorts until it is dead */
	struct feedback	positive, negative;
};

/*
 * Deliveries allowed at the same time.  Full steps up come after enough
 * successes (`success` adds up to 1), steps down with the first failure of a
 * series: too much load is corrected at once, more is tried with care.
 */
struct window {
	int	size;
	double	success, failure, cohorts;
};

void	window_start(struct window *, const struct window_rules *);

/* `busy`: deliveries now.  A window far larger than what is used does not
 * grow: it would say nothing. */
void	window_success(struct window *, const struct window_rules *, int busy);

/* True: the destination is dead. */
bool	window_failure(struct window *, const struct window_rules *);

/* --- time */

/* Seconds until the next try of a message so many seconds old: as long as it
 * has been waiting, within bounds. */
int64_t	retry_delay(int64_t age, int64_t min, int64_t max);

/* --- preemption of large messages by small ones */

struct slot_rules {
	int	cost;		/* deliveries that earn one slot; <= 1: none */
	int	loan;		/* slots given in advance */
	int	discount;	/* percent given in advance */
	int	minimum;	/* who can't earn so many is left alone */
};

/* One message's deliveries over one transport. */
struct slots {
	unsigned	waiting;	/* deliveries not yet begun */
	unsigned	begun;
	unsigned	spent;		/* slots given to others */
};

/* Slots that it has, and that it can have until its end. */
int	slots_now(const struct slots *, const struct slot_rules *);
int	slots_ever(const struct slots *, const struct slot_rules *);

/* May others step in front of it at all? */
bool	slots_worth_a_look(const struct slots *, const struct slot_rules *);

/* A candidate with so many deliveries: could it ever step in front, and may
 * it now? */
bool	slots_could(const struct slots *, const struct slot_rules *,
	    unsigned deliveries);
bool	slots_may(const struct slots *, const struct slot_rules *,
	    unsigned deliveries);

#endif
