/*
 * permit_mx_backup: mail for a domain that lists us among its MX hosts, but
 * not first.  Anybody may list us, so permit_mx_backup_networks should say
 * whose first hosts they must be.
 */

#include "conf/param.h"
#include "mail/address.h"
#include "mail/own_addr.h"
#include "net/dns.h"
#include "server/client.h"
#include "smtpd/access/access.h"
#include "table/match.h"
#include "util/log.h"

/* What the addresses of a host say. */
struct host {
	bool	ours;		/* one of them is our own */
	bool	listed;		/* all are in permit_mx_backup_networks */
	enum dns_status status;
};

static struct host
look_at(const char *name)
{
	struct addr_list list = { 0 };
	struct host	 h = { .listed = true };

	h.status = dns_addresses(name, smtpd_config.families, true, true,
	    &list, NULL);
	for (size_t i = 0; i < list.count; i++) {
		const struct addr *a = &list.items[i];

		h.ours = h.ours || own_addr_has(a) || own_addr_is_proxy(a);
		h.listed = h.listed &&
		    match_client(smtpd_config.backup_networks, NULL, a) ==
		    MATCH_YES;
	}
	h.listed = h.listed && list.count > 0;
	addr_list_done(&list);
	return h;
}

static uint16_t
best_preference(const struct dns_record *r)
{
	uint16_t best = r->preference;

	for (; r != NULL; r = r->next)
		if (r->preference < best)
			best = r->preference;
	return best;
}

/* What the MX records of a domain say. */
struct answer {
	bool		 backup;	/* we are one */
	const char	*host;		/* that could not be looked up, or NULL */
	const char	*why;
};

static void
fail(struct answer *r, struct pool *pool, const char *host,
    enum dns_status status)
{
	if (r->host != NULL)
		return;
	r->host = pool_printf(pool, " host %s", host);
	r->why = client_lookup_error(status);
}

static struct answer
look_at_all(struct access *a, const struct dns_record *mx)
{
	bool	      any = match_is_empty(smtpd_config.backup_networks);
	bool	      listed = true, ours = false, first = false;
	uint16_t      best = best_preference(mx);
	struct answer r = { 0 };

	for (; mx != NULL; mx = mx->next) {
		struct host h = look_at(mx->target);

		if (mx->preference != best) {
			ours = ours || h.ours;
			continue;
		}
		first = first || h.ours;
		listed = listed && (any || h.listed);
		if (!any && h.status != DNS_OK)
			fail(&r, &a->pool, mx->target, h.status);
	}
	r.backup = ours && listed && !first;
	return r;
}

static struct answer
ask(struct access *a, const char *domain)
{
	struct answer	   r = { .host = "" };
	struct dns_record *mx;

	switch (dns_query(domain, DNS_MX, &mx, &r.why)) {
	case DNS_OK:
		r = look_at_all(a, mx);
		dns_free(mx);
		break;
	case DNS_TRY_AGAIN:
		r.host = " information";
		break;
	default:
		r.host = NULL;
	}
	return r;
}

static void
warn_once(const struct access_item *item)
{
	static bool warned;

	if (!warned)
		log_warn("support for restriction \"%s\" will be removed "
		    "from %s; instead, specify \"relay_domains\"",
		    item->name, conf_mail.mail_name);
	warned = true;
}

static enum verdict
permit_mx_backup(struct access *a, const struct access_item *item)
{
	const char   *domain;
	struct answer r = { 0 };

	warn_once(item);
	if (a->rcpt == NULL || (access_rcpt_route(a)->flags & RESOLVE_ROUTED))
		return VERDICT_NONE;
	domain = address_domain(a->rcpt);
	if (domain == NULL || access_is_auth_destination(a))
		r.backup = true;
	else if (*domain != '[')
		r = ask(a, domain);
	if (r.backup)
		return access_permit(a, item->name,
		    access_about_text(ABOUT_RECIPIENT), a->rcpt, NULL);
	if (r.host == NULL)
		return VERDICT_NONE;
	return access_defer_if_reject(a, ABOUT_RECIPIENT, 450, "4.4.4",
	    "<%s>: %s rejected: Unable to look up mail exchanger%s: %s",
	    a->rcpt, access_about_text(ABOUT_RECIPIENT), r.host, r.why);
}

const struct restriction access_backup_family[] = {
	{ "permit_mx_backup", permit_mx_backup, 0 },
	{ NULL, NULL, 0 }
};
