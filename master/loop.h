/* loop - master's events */

#ifndef MASTER_LOOP_H
#define MASTER_LOOP_H

#include <stdint.h>

#include "master/master.h"

/* Waits for one event, at most until clock_ms reaches `until`, and handles
 * it.  The log is flushed before. */
void	loop_turn(int64_t until);

#endif
