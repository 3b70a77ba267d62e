/* domain - does a mail domain exist? */

#ifndef SMTPD_ACCESS_DOMAIN_H
#define SMTPD_ACCESS_DOMAIN_H

enum domain_status {
	DOMAIN_OK,
	DOMAIN_MISSING,		/* neither MX nor address */
	DOMAIN_NULL_MX,		/* RFC 7505: takes no mail */
	DOMAIN_TRY_AGAIN,
};

/* `with_mx`: a domain of mail addresses; otherwise a host. */
enum domain_status domain_exists(const char *name, int with_mx);

#endif
