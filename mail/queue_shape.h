/* queue_shape - messages in the queue by domain and age, as a table */

#ifndef MAIL_QUEUE_SHAPE_H
#define MAIL_QUEUE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct queue_list_entry;

enum { QUEUE_SHAPE_BUCKETS_MAX = 60 };

struct queue_shape_options {
	int	buckets;	/* ages; 0: 10 */
	int	first_minutes;	/* of the first bucket; 0: 5 */
	bool	linear;		/* else each is twice the one before */
	bool	by_sender;
	bool	parents;	/* also ".example.com" ... */
	int	parents_min;	/* ... if it has so many subdomains */
	int	width;		/* columns of the screen; 0: 80 */
	int	top;		/* domains shown; 0: all */
};

struct queue_shape;

struct queue_shape *queue_shape_new(const struct queue_shape_options *);
void	queue_shape_free(struct queue_shape *);

/* Counts a message: once for its sender, or once for each recipient. */
void	queue_shape_add(struct queue_shape *, const struct queue_list_entry *,
	    int64_t now);

/* The table, one line a domain, the largest first. */
void	queue_shape_print(struct queue_shape *, struct buf *);

#endif
