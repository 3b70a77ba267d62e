/* limits - how many clients at the same time */

#ifndef POSTSCREEN_LIMITS_H
#define POSTSCREEN_LIMITS_H

#include <stdbool.h>

/* Counts a connection; limits_disconnect() is to be called in any case. */
enum limits {
	LIMITS_OK,
	LIMITS_CLIENT,		/* postscreen_client_connection_count_limit */
	LIMITS_ALL,		/* postscreen_pre_queue_limit */
};

enum limits	limits_connect(const char *ip);
void		limits_disconnect(const char *ip);

/* Handing over takes a place of postscreen_post_queue_limit. */
bool		limits_begin_pass(void);
void		limits_end_pass(void);

#endif
