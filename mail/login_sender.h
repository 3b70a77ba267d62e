/* login_sender - which senders a local user may give to a mail */

#ifndef MAIL_LOGIN_SENDER_H
#define MAIL_LOGIN_SENDER_H

#include <stdbool.h>
#include <sys/types.h>

struct buf;
struct table_list;

/* Reads conf_mail: local_login_sender_maps and its relatives. */

/* The tables; NULL, without opening any, if everybody may use every sender. */
struct table_list *login_sender_open(void);

/* False with the reason, for the user's eyes, added to `why`.  A table that
 * can't be asked is a reason. */
bool	login_sender_is_allowed(struct table_list *, uid_t, const char *sender,
	    struct buf *why);

/* Does one of the patterns ("a@b", "@b", "<>", "*") fit?  For tests too. */
bool	login_sender_fits(const char *patterns, const char *sender);

#endif
