/* Restrictions on the address of MAIL FROM. */

#include "smtpd/access/access.h"
#include "smtpd/access/address.h"

static bool
has_sender(const struct access *a)
{
	return a->sender != NULL && *a->sender != '\0';
}

static enum verdict
reject_non_fqdn(struct access *a, const struct access_item *item)
{
	(void)item;
	return has_sender(a) ?
	    access_non_fqdn(a, ABOUT_SENDER, a->sender) : VERDICT_NONE;
}

static enum verdict
reject_unknown_domain(struct access *a, const struct access_item *item)
{
	(void)item;
	return has_sender(a) ? access_unknown_domain(a, ABOUT_SENDER,
	    a->sender, access_sender_route(a)) : VERDICT_NONE;
}

static enum verdict
reject_unlisted(struct access *a, const struct access_item *item)
{
	(void)item;
	return has_sender(a) ?
	    access_unlisted_sender(a) : VERDICT_NONE;
}

const struct restriction access_sender_family[] = {
	{ "reject_non_fqdn_sender", reject_non_fqdn, 0 },
	{ "reject_unknown_sender_domain", reject_unknown_domain, 0 },
	{ "reject_unknown_address", reject_unknown_domain, 0 },
	{ "reject_unlisted_sender", reject_unlisted, 0 },
	{ NULL, NULL, 0 }
};
