/* identity - what main.cf calls this host, and what goes into its addresses */

#ifndef SERVER_IDENTITY_H
#define SERVER_IDENTITY_H

#include <stdbool.h>

struct buf;

/*
 * Are myhostname and mydomain host names, and are default_verp_delimiters
 * among verp_delimiter_filter?  They go into greetings, addresses and
 * message ids.  conf_mail must be loaded.  False with why, after a warning
 * about the name.
 */
bool	identity_check(const char **ret_why);

/* A name of letters, digits, '_' and '-' in labels, that is not a number all
 * over.  False with what is wrong, and where. */
bool	identity_is_hostname(const char *name, struct buf *why);

/* "file DIR/main.cf: " and the text, which lives until the next one; false. */
bool	identity_fail(const char **ret_why, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
