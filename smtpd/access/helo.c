/* Restrictions on the name in HELO and EHLO. */

#include <arpa/inet.h>
#include <string.h>

#include "conf/param.h"
#include "net/dns.h"
#include "smtpd/access/access.h"
#include "smtpd/access/domain.h"
#include "util/mem.h"
#include "util/text.h"

static enum verdict
invalid(struct access *a)
{
	return access_reject(a, ABOUT_HELO,
	    conf_mail.invalid_hostname_reject_code, "5.5.2",
	    "<%s>: Helo command rejected: Invalid name", a->helo);
}

/* A name, with the dot of the root perhaps. */
static bool
is_valid(const char *name)
{
	size_t n = strlen(name);
	char  *rootless;
	bool   valid;

	if (n < 2 || name[n - 1] != '.')
		return dns_valid_name(name);
	rootless = mem_strndup(name, n - 1);
	valid = dns_valid_name(rootless);
	mem_free(rootless);
	return valid;
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
static bool
is_literal(const char *name)
{
	bool	      six = text_starts_nocase(name, "[IPv6:");
	size_t	      n = strlen(name), skip = six ? 6 : 1;
	unsigned char bytes[sizeof(struct in6_addr)];
	char	     *inside;
	bool	      good;

	if (n <= skip || name[n - 1] != ']')
		return false;
	inside = mem_strndup(name + skip, n - 1 - skip);
	good = inet_pton(six ? AF_INET6 : AF_INET, inside, bytes) == 1;
	mem_free(inside);
	return good;
}

/* No DNS is asked, but the form is looked at. */
static enum verdict
check_literal(struct access *a)
{
	if (is_literal(a->helo))
		return VERDICT_NONE;
	return access_reject(a, ABOUT_HELO,
	    conf_mail.invalid_hostname_reject_code, "5.5.2",
	    "<%s>: Helo command rejected: invalid ip address", a->helo);
}

static enum verdict
reject_invalid(struct access *a, const struct access_item *item)
{
	(void)item;
	if (a->helo != NULL && *a->helo == '[')
		return check_literal(a);
	if (a->helo == NULL || is_valid(a->helo) ||
	    dns_valid_address(a->helo))
		return VERDICT_NONE;
	return invalid(a);
}

static enum verdict
reject_non_fqdn(struct access *a, const struct access_item *item)
{
	const char *dot;

	(void)item;
	if (a->helo == NULL)
		return VERDICT_NONE;
	if (*a->helo == '[')
		return check_literal(a);
	dot = strchr(a->helo, '.');
	if (is_valid(a->helo) && dot != NULL && dot[1] != '\0')
		return VERDICT_NONE;
	return access_reject(a, ABOUT_HELO, conf_mail.non_fqdn_reject_code,
	    "5.5.2",
	    "<%s>: Helo command rejected: need fully-qualified hostname",
	    a->helo);
}

static enum verdict
reject_unknown(struct access *a, const struct access_item *item)
{
	(void)item;
	if (a->helo == NULL)
		return VERDICT_NONE;
	if (*a->helo == '[')
		return check_literal(a);
	switch (is_valid(a->helo) ? domain_exists(a->helo, false) :
	    DOMAIN_MISSING) {
	case DOMAIN_MISSING:
		return access_reject(a, ABOUT_HELO,
		    conf_mail.unknown_hostname_reject_code, "5.7.1",
		    "<%s>: Helo command rejected: Host not found", a->helo);
	case DOMAIN_TRY_AGAIN:
		return access_tempfail(a,
		    conf_mail.unknown_helo_hostname_tempfail_action,
		    ABOUT_HELO, 450, "4.7.1",
		    "<%s>: Helo command rejected: Host not found", a->helo);
	default:
		return VERDICT_NONE;
	}
}

const struct restriction access_helo_family[] = {
	{ "reject_invalid_helo_hostname", reject_invalid, 0 },
	{ "reject_invalid_hostname", reject_invalid, 0 },
	{ "reject_non_fqdn_helo_hostname", reject_non_fqdn, 0 },
	{ "reject_non_fqdn_hostname", reject_non_fqdn, 0 },
	{ "reject_unknown_helo_hostname", reject_unknown, 0 },
	{ "reject_unknown_hostname", reject_unknown, 0 },
	{ NULL, NULL, 0 }
};
