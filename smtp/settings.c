#include <string.h>

#include "conf/param.h"
#include "net/dns.h"
#include "server/words.h"
#include "smtp/settings.h"
#include "util/log.h"
#include "util/text.h"

struct settings settings;

static void
load_smtp(void)
{
#define TAKE(name) settings.name = conf_smtp.smtp_##name;
	SETTINGS_OF_BOTH(TAKE, TAKE, TAKE)
#undef TAKE
	settings.prefix = "smtp";
	settings.helo_name = conf_smtp.smtp_helo_name;
	settings.helo_timeout = conf_smtp.smtp_helo_timeout;
	settings.discard_keywords = conf_smtp.smtp_discard_ehlo_keywords;
	settings.discard_keyword_maps =
	    conf_smtp.smtp_discard_ehlo_keyword_address_maps;
	settings.dane_insecure_mx_policy =
	    conf_smtp.smtp_tls_dane_insecure_mx_policy;
	settings.mta_sts = conf_smtp.smtp_tls_mta_sts;
	settings.always_send_ehlo = conf_smtp.smtp_always_send_ehlo;
	settings.never_send_ehlo = conf_smtp.smtp_never_send_ehlo;
}

static void
load_lmtp(void)
{
#define TAKE(name) settings.name = conf_lmtp.lmtp_##name;
	SETTINGS_OF_BOTH(TAKE, TAKE, TAKE)
#undef TAKE
	settings.is_lmtp = true;
	settings.prefix = "lmtp";
	settings.helo_name = conf_lmtp.lmtp_lhlo_name;
	settings.helo_timeout = conf_lmtp.lmtp_lhlo_timeout;
	settings.discard_keywords = conf_lmtp.lmtp_discard_lhlo_keywords;
	settings.discard_keyword_maps =
	    conf_lmtp.lmtp_discard_lhlo_keyword_address_maps;
	settings.dane_insecure_mx_policy = "dane";
	settings.always_send_ehlo = true;
}

/* Words that mean nothing would be passed over in silence. */
static void
check_words(void)
{
	static const char *const lookups[] = { "dns", "native", NULL };
	static const char *const levels[] = { "", "enabled", "dnssec",
		"disabled", NULL };
	static const char *const resolver[] = { "res_defnames",
		"res_dnsrch", NULL };
	const char *const *l = levels;

	words_check(settings.is_lmtp ? "lmtp_host_lookup" : "smtp_host_lookup",
	    settings.host_lookup, lookups);
	words_check(settings.is_lmtp ? "lmtp_dns_resolver_options" :
	    "smtp_dns_resolver_options", settings.dns_resolver_options,
	    resolver);
	while (*l != NULL && !text_eq_nocase(*l, settings.dns_support_level))
		l++;
	if (*l == NULL)
		fatalx("invalid %s_dns_support_level: \"%s\"",
		    settings.prefix, settings.dns_support_level);
}

void
settings_load(bool is_lmtp)
{
	if (is_lmtp)
		load_lmtp();
	else
		load_smtp();
	settings.families = dns_families(conf_mail.inet_protocols);
	if (*settings.dns_support_level == '\0')
		settings.disable_dns = conf_mail.disable_dns_lookups;
	else
		settings.disable_dns =
		    text_has_word(settings.dns_support_level, "disabled");
	settings.dnssec = text_has_word(settings.dns_support_level, "dnssec");
	check_words();
	if (text_has_word(settings.dns_resolver_options, "res_defnames"))
		settings.dns_search |= DNS_DEFNAMES;
	if (text_has_word(settings.dns_resolver_options, "res_dnsrch"))
		settings.dns_search |= DNS_SEARCH;
	settings.use_dns = text_has_word(settings.host_lookup, "dns") &&
	    !settings.disable_dns;
	settings.use_hosts = text_has_word(settings.host_lookup, "native") ||
	    !settings.use_dns;
	if (!text_eq(settings.address_preference, "any") &&
	    !text_eq(settings.address_preference, "ipv4") &&
	    !text_eq(settings.address_preference, "ipv6"))
		fatalx("bad %s_address_preference value: %s", settings.prefix,
		    settings.address_preference);
}
