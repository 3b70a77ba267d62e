/* literal - addresses in brackets as domains */

#ifndef MAIL_LITERAL_H
#define MAIL_LITERAL_H

#include <stdbool.h>

struct addr;

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" */
bool	literal_parse(const char *domain, struct addr *ret);

/* Logs what is wrong with it, if something is, in Postfix's words. */
void	literal_warn(const char *domain);

#endif
