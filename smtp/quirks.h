/* quirks - what is done for servers and firewalls that are broken */

#ifndef SMTP_QUIRKS_H
#define SMTP_QUIRKS_H

#include <stdbool.h>

#include "util/buf.h"

struct session;

/* Opens tables; before the jail. */
void	quirks_init(void);

/* smtp_reply_filter: a reply line of the session, in place.  False: a table
 * failed, which was logged. */
bool	quirks_filter_reply(const struct session *, struct buf *line);

/* smtp_pix_workarounds, for a server whose greeting is full of stars. */
enum { QUIRK_NO_ESMTP = 1, QUIRK_DELAY_DOT = 2 };

unsigned quirks_of(const struct session *, const char *greeting);

#endif
