/* Restrictions on the address of RCPT TO: above all, who may relay. */

#include "conf/param.h"
#include "smtpd/access/access.h"
#include "smtpd/access/address.h"
#include "util/text.h"

/*
 * Mail that stays here or that we relay for the domain's owner.  An address
 * with another one inside ("user@elsewhere"@here, user%elsewhere@here) asks to
 * be sent on and is neither, or a relay behind us sends it on for spammers.
 */
static bool
is_authorized(const struct resolved *r)
{
	return (r->flags & RESOLVE_FINAL) && (!(r->flags & RESOLVE_ROUTED) ||
	    conf_mail.allow_untrusted_routing);
}

bool
access_is_auth_destination(struct access *a)
{
	return is_authorized(access_rcpt_route(a));
}

static enum verdict
permit_auth_destination(struct access *a, const struct access_item *item)
{
	if (a->rcpt == NULL || !access_is_auth_destination(a))
		return VERDICT_NONE;
	return access_permit(a, item->name, access_about_text(ABOUT_RECIPIENT),
	    a->rcpt, NULL);
}

static enum verdict
unauth_destination(struct access *a, int code)
{
	const struct resolved *r;

	if (a->rcpt == NULL)
		return VERDICT_NONE;
	r = access_rcpt_route(a);
	if (r->flags & RESOLVE_FAIL)
		return access_reject(a, ABOUT_RECIPIENT, 451, "4.3.0",
		    "<%s>: Temporary lookup failure", a->rcpt);
	if (is_authorized(r))
		return VERDICT_NONE;
	return access_reject(a, ABOUT_RECIPIENT, code, "5.7.1",
	    "<%s>: Relay access denied", a->rcpt);
}

static enum verdict
reject_unauth_destination(struct access *a, const struct access_item *item)
{
	(void)item;
	return unauth_destination(a, conf_mail.relay_domains_reject_code);
}

static enum verdict
defer_unauth_destination(struct access *a, const struct access_item *item)
{
	(void)item;
	return unauth_destination(a,
	    400 + conf_mail.relay_domains_reject_code % 100);
}

static enum verdict
reject_non_fqdn(struct access *a, const struct access_item *item)
{
	(void)item;
	/* "postmaster" alone must be taken (RFC 5321 4.5.1) */
	if (a->rcpt == NULL || text_eq_nocase(a->rcpt, "postmaster"))
		return VERDICT_NONE;
	return access_non_fqdn(a, ABOUT_RECIPIENT, a->rcpt);
}

static enum verdict
reject_unknown_domain(struct access *a, const struct access_item *item)
{
	(void)item;
	return a->rcpt != NULL ? access_unknown_domain(a, ABOUT_RECIPIENT,
	    a->rcpt, access_rcpt_route(a)) : VERDICT_NONE;
}

static enum verdict
reject_unlisted(struct access *a, const struct access_item *item)
{
	(void)item;
	return a->rcpt != NULL ? access_unlisted_rcpt(a) : VERDICT_NONE;
}

const struct restriction access_recipient_family[] = {
	{ "permit_auth_destination", permit_auth_destination, 0 },
	{ "reject_unauth_destination", reject_unauth_destination,
	    STOPS_RELAY },
	{ "defer_unauth_destination", defer_unauth_destination, STOPS_RELAY },
	{ "reject_non_fqdn_recipient", reject_non_fqdn, 0 },
	{ "reject_unknown_recipient_domain", reject_unknown_domain, 0 },
	{ "reject_unlisted_recipient", reject_unlisted, 0 },
	{ "check_recipient_maps", reject_unlisted, 0 },
	{ NULL, NULL, 0 }
};
