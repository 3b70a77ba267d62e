/* dead - addresses that do not answer */

#ifndef SMTP_DEAD_H
#define SMTP_DEAD_H

#include <stdbool.h>
#include <stdint.h>

struct addr;

/*
 * Many deliveries of a process may want the same address at the same time.
 * When it does not answer, each would wait for its own time-out.  So an
 * address that timed out is remembered for a minute: others try it last, and
 * while one delivery tries it again the rest wait for what that one finds
 * and share it.  Only silence is remembered: a refusal comes at once and
 * costs nobody time.
 */
bool	dead_is(const struct addr *);

/* As connect_inet(): a descriptor, or -1 with errno. */
int	dead_connect(const struct addr *, const struct addr *bind_to,
	    int64_t deadline);

#endif
