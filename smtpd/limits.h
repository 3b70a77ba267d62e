/* limits - how much one client may ask of us: anvil's counters */

#ifndef SMTPD_LIMITS_H
#define SMTPD_LIMITS_H

#include <stdbool.h>

struct session;

/*
 * Each counts one event and is false when that is one too many: then the
 * warning is logged and the caller refuses.  True too when anvil can't be
 * asked, and for clients that are excepted.
 */
bool	limits_connect(struct session *);
bool	limits_mail(struct session *);
bool	limits_rcpt(struct session *);
bool	limits_auth(struct session *);
bool	limits_newtls(struct session *);	/* not for one resumed */

void	limits_disconnect(struct session *);

#endif
