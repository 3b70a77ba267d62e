/* token - an OAuth token, from where it is kept */

#ifndef SMTP_TOKEN_H
#define SMTP_TOKEN_H

#include <stdbool.h>

struct buf;

/*
 * `where` is "file:/path", whose first line is the token, or "service:path", a
 * Unix socket that is told the user and answers with the token, a line each:
 * of a command, say, that spawn(8) runs.  May wait.  False with why.
 */
bool	token_read(const char *where, const char *user, struct buf *ret,
	    const char **ret_why);

#endif
