/* flow - what the log says of the last ten minutes */

#ifndef COMMANDS_POSTTOP_FLOW_H
#define COMMANDS_POSTTOP_FLOW_H

#include <stddef.h>
#include <time.h>

struct buf;
struct log_line;

struct flow;

struct flow	*flow_new(void);
void		 flow_free(struct flow *);

void	flow_add(struct flow *, const struct log_line *);

/* The time of the latest line, 0 if there was none. */
time_t	flow_latest(const struct flow *);

/* Parts of the screen; `rows` bounds the lists. */
void	flow_print_rates(const struct flow *, struct buf *, time_t now);
void	flow_print_slow(const struct flow *, struct buf *, time_t now,
	    size_t rows);
void	flow_print_clients(const struct flow *, struct buf *, time_t now,
	    size_t rows);

#endif
