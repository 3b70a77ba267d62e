/* deliver_filter - delivery_status_filter: other words for how it went */

#ifndef MAIL_DELIVER_FILTER_H
#define MAIL_DELIVER_FILTER_H

struct why;

/*
 * The tables of PREFIX_delivery_status_filter ("local", "smtp" ...),
 * looked up for every result that deliver.h settles.  Once, before the jail.
 */
void	deliver_filter_open(const char *prefix);

/*
 * What the tables make of "DSN text": the copy in `store`, or `why` itself.
 * Success stays success, and failure, of either kind, failure.
 */
const struct why *deliver_filter_apply(const struct why *why,
	    struct why *store);

#endif
