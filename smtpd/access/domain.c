#include "net/dns.h"
#include "smtpd/access/domain.h"
#include "util/log.h"
#include "util/text.h"

static enum domain_status
has(const char *name, enum dns_type type)
{
	struct dns_record *r;
	const char	  *why = "";
	enum domain_status st = DOMAIN_OK;

	switch (dns_query(name, type, &r, &why)) {
	case DNS_OK:
		if (type == DNS_MX && r->next == NULL &&
		    (r->target == NULL || *r->target == '\0'))
			st = DOMAIN_NULL_MX;
		dns_free(r);
		return st;
	case DNS_TRY_AGAIN:
		return text_eq(why, DNS_WHY_FILTERED) ?
		    DOMAIN_FILTERED : DOMAIN_TRY_AGAIN;
	default:
		return DOMAIN_MISSING;
	}
}

enum domain_status
domain_exists(const char *name, bool with_mx)
{
	static const enum dns_type orders[2][3] = {
		{ DNS_A, DNS_AAAA, DNS_MX }, { DNS_MX, DNS_A, DNS_AAAA },
	};
	enum domain_status result = DOMAIN_MISSING, st;

	for (int i = 0; i < 3; i++) {
		st = has(name, orders[with_mx][i]);
		if (st == DOMAIN_OK || st == DOMAIN_NULL_MX)
			return st;
		if (st != DOMAIN_MISSING)
			result = st;
		if (st == DOMAIN_FILTERED && with_mx)
			break;
	}
	if (result == DOMAIN_FILTERED)
		log_warn("%s: %s lookup error: " DNS_WHY_FILTERED, name,
		    with_mx ? "MX or address" : "address or MX");
	return result;
}
