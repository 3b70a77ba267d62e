/* log_metrics - what is counted of the mail log, in Prometheus' text format */

#ifndef MAIL_LOG_METRICS_H
#define MAIL_LOG_METRICS_H

#include <stdint.h>

struct buf;
struct log_line;

/*
 * Names and labels are postfix_exporter's where it has such a number, so that
 * dashboards go on working; those of our own are marked so in the table.  Labels
 * have values that we or the administrator chose; should there be too many
 * all the same, the rest is counted under "other".
 */
struct metrics;

struct metrics	*metrics_new(void);
void		 metrics_free(struct metrics *);

void	metrics_count_line(struct metrics *, const struct log_line *);

/* The queue as it is now: begin, each message, end. */
void	metrics_queue_begin(struct metrics *);
void	metrics_queue_add(struct metrics *, const char *queue, uint64_t size,
	    int64_t age_seconds);

/* Text format 0.0.4 of all that was counted.  `queue_path`: label of
 * postfix_up. */
void	metrics_write(const struct metrics *, struct buf *,
	    const char *queue_path);

#endif
