/* milter - a message is shown to milters before it is queued */

#ifndef CLEANUP_MILTER_H
#define CLEANUP_MILTER_H

#include <stdbool.h>

struct frame;
struct message;
struct recipient;

/* non_smtpd_milters; before the jail. */
void	milter_init(void);

/* One of smtpd's, with its socket; and macros for all.  False: malformed. */
bool	milter_take(struct message *, const struct frame *, int fd);
bool	milter_take_macros(struct message *, const struct frame *);

/*
 * For non_smtpd_milters: content begins, so that sender and recipients are
 * known; a recipient, as it was given, before or (sendmail -t) later.
 */
void	milter_begin(struct message *);
void	milter_rcpt(struct message *, const struct recipient *);

/*
 * After all content: shows it, carries out changes, and decides m->status and
 * m->flags.
 */
void	milter_show(struct message *);

/* What Postfix's queue file takes for being changeable counts in size=. */
void	milter_add_size(struct message *);

void	milter_done(struct message *);

#endif
