#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "smtpd/access/address.h"
#include "smtpd/access/domain.h"

enum verdict
access_non_fqdn(struct access *a, enum access_about about, const char *address)
{
	const char *domain = address_domain(address);

	if (domain != NULL && (*domain == '[' || strchr(domain, '.') != NULL))
		return VERDICT_NONE;
	return access_reject(a, about, conf_mail.non_fqdn_reject_code, "5.5.2",
	    "<%s>: %s rejected: need fully-qualified address", address,
	    access_about_text(about));
}

enum verdict
access_unknown_domain(struct access *a, enum access_about about,
    const char *address, const struct resolved *route)
{
	const char *domain = address_domain(route->recipient);
	bool	    sender = about == ABOUT_SENDER;
	const char *dsn = sender ? "4.1.8" : "4.1.2";

	if (domain == NULL || *domain == '[' ||
	    (route->flags & RESOLVE_FINAL & ~(unsigned)RESOLVE_CLASS_RELAY))
		return VERDICT_NONE;
	switch (domain_exists(domain, true)) {
	case DOMAIN_MISSING:
		return access_reject(a, about,
		    conf_mail.unknown_address_reject_code, dsn,
		    "<%s>: %s rejected: Domain not found", address,
		    access_about_text(about));
	case DOMAIN_TRY_AGAIN:
		return access_tempfail(a,
		    conf_mail.unknown_address_tempfail_action, about, 450, dsn,
		    "<%s>: %s rejected: Domain not found", address,
		    access_about_text(about));
	case DOMAIN_NULL_MX:
		return access_reject(a, about, sender ? 550 : 556,
		    sender ? "5.7.27" : "5.1.10",
		    "<%s>: %s rejected: Domain %s does not accept mail "
		    "(nullMX)", address, access_about_text(about), domain);
	default:
		return VERDICT_NONE;
	}
}
