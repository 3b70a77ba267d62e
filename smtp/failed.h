/* failed - logins that a server refused, so that they are not tried again */

#ifndef SMTP_FAILED_H
#define SMTP_FAILED_H

#include <stdbool.h>

#include "mail/why.h"

/* Before the jail; `name` of smtp_sasl_auth_cache_name, or empty: nothing is
 * remembered. */
void	failed_open(const char *name);

/*
 * Was this password refused within the time of smtp_sasl_auth_cache_time?  Then
 * dsn and text are those of the refusal.  The table has a digest of the
 * password.
 */
bool	failed_find(const char *host, const char *user, const char *password,
	    char ret_dsn[12], struct buf *ret_text);

void	failed_add(const char *host, const char *user, const char *password,
	    const char *dsn, const char *text);

#endif
