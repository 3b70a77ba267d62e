/* timer - things to do later, of any number, in one task */

#ifndef QMGR_TIMER_H
#define QMGR_TIMER_H

#include <stdint.h>

#include "qmgr/heap.h"

/* Embedded; zeroed memory is a timer that is not set. */
struct timer {
	struct heap_node  node;
	int64_t		  at;		/* clock_ms */
	void		(*fire)(struct timer *);	/* must not wait */
};

/* Once, before the loop. */
void	timer_start(void);

/* Sets it, or sets it anew. */
void	timer_set(struct timer *, int64_t at, void (*fire)(struct timer *));
void	timer_cancel(struct timer *);

#endif
