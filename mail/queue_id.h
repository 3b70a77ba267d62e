/* queue_id - names of queue files */

#ifndef MAIL_QUEUE_ID_H
#define MAIL_QUEUE_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { QUEUE_ID_MAX = 32 };	/* bytes with NUL */

/*
 * Short: 5 upper-case hex digits of the microseconds and the inode number in
 * hex.  Long (enable_long_queue_ids): seconds in base 52 (at least 6),
 * microseconds in base 52 (4), 'z', inode in base 51.
 */
void	queue_id_make(char ret[QUEUE_ID_MAX], int64_t wall_us, ino_t, bool is_long);
/* Also: it fits into QUEUE_ID_MAX. */
bool	queue_id_is_valid(const char *);

/* Could it be one, if not of ours: letters and digits only?  For words to who
 * gave it. */
bool	queue_id_is_plausible(const char *);

/* Time of a long id in microseconds, or -1 for short ones. */
int64_t	queue_id_time(const char *);

#endif
