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

/* Before a handshake: nothing is counted. */
bool	limits_allow_tls(struct session *, const char *what);

/*
 * The same for who has logged in, whatever the addresses (smtpd_account_*):
 * limits_mail() and limits_rcpt() count for both.  `user` has tried to log in,
 * well or not; a session that has logged in is counted until its end.
 */
bool	limits_account_auth(struct session *, const char *user);
bool	limits_login(struct session *);

/* What the client has too much of itself, or what its account has: for
 * replies. */
const char *limits_culprit(const struct session *);

void	limits_disconnect(struct session *);

#endif
