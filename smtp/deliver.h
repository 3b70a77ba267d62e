/* deliver - one request: servers in turn until nobody is left */

#ifndef SMTP_DELIVER_H
#define SMTP_DELIVER_H

struct delivery;

/* Settles every recipient of the delivery. */
void	deliver_message(struct delivery *);

#endif
