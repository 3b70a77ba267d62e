/* milter - the session's events go to milters, and what they say of them */

#ifndef SMTPD_MILTER_H
#define SMTPD_MILTER_H

#include <stdbool.h>

struct session;

/* smtpd_milters and what belongs to it; ends the process when a setting makes
 * no sense. */
void	milter_config(void);

/*
 * Each tells the milters, if the session has any, and logs their objection.
 * NULL: go on.  Otherwise the reply, which lives until the next event.
 */

/* At the greeting, for a client seen for the first time or (XCLIENT)
 * anew. */
const char *milter_connect(struct session *);

/* HELO or EHLO with s->helo being the new name and the transaction still what
 * it was before.  Only a reply that ends the session is given now: others when
 * there is mail. */
const char *milter_helo(struct session *, bool first);

/* The arguments of MAIL and RCPT as they came: before others take them
 * apart. */
void	milter_note_args(struct session *, const char *args);
const char *milter_mail(struct session *);
const char *milter_rcpt(struct session *, const char *rcpt);

/* A recipient that was refused with this reply: some milters want to know. */
void	milter_refused_rcpt(struct session *, const char *reply);
const char *milter_data(struct session *);
const char *milter_unknown(struct session *, const char *verb);

/* Other commands: refused if the client as such was. */
const char *milter_other(struct session *);

/* Was the client refused for good (5xx)?  Then EHLO offers nothing. */
bool	milter_has_refused(const struct session *);

/* The transaction ends. */
void	milter_abort(struct session *);

/* The message goes to cleanup, and with it who shall see it. */
void	milter_hand_over(struct session *);

/* cleanup has failed: it is not known what the milters were told. */
void	milter_lost(struct session *);

/* The session ends. */
void	milter_end(struct session *);

#endif
