/* domain - does a mail domain exist? */

#ifndef SMTPD_ACCESS_DOMAIN_H
#define SMTPD_ACCESS_DOMAIN_H

#include <stdbool.h>

enum domain_status {
	DOMAIN_OK,
	DOMAIN_MISSING,		/* neither MX nor address */
	DOMAIN_NULL_MX,		/* RFC 7505: takes no mail */
	DOMAIN_TRY_AGAIN,
	DOMAIN_FILTERED,	/* smtpd_dns_reply_filter left nothing */
};

/* `with_mx`: a domain of mail addresses; otherwise a host. */
enum domain_status domain_exists(const char *name, bool with_mx);

#endif
