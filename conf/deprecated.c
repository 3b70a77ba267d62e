#include "conf/deprecated.h"

#include <stddef.h>

#include "util/text.h"

#define SPECIFY(name) "specify \"" name "\""
#define LEAVE "do not specify (leave at default)"

/* As Postfix 3.9 to 3.11 announce it; all still work here. */
static const struct {
	const char	*name, *instead;
} deprecated[] = {
	{ "authorized_verp_clients", SPECIFY("smtpd_authorized_verp_clients") },
	{ "disable_dns_lookups", SPECIFY("smtp_dns_support_level") },
	{ "fallback_relay", SPECIFY("smtp_fallback_relay") },
	{ "lmtp_cname_overrides_servername", LEAVE },
	{ "lmtp_enforce_tls", SPECIFY("lmtp_tls_security_level") },
	{ "lmtp_per_record_deadline", SPECIFY("lmtp_per_request_deadline") },
	{ "lmtp_tls_enforce_peername", SPECIFY("lmtp_tls_security_level") },
	{ "lmtp_tls_per_site", SPECIFY("lmtp_tls_policy_maps") },
	{ "lmtp_use_tls", SPECIFY("lmtp_tls_security_level") },
	{ "postscreen_blacklist_action",
	    SPECIFY("postscreen_denylist_action") },
	{ "postscreen_dnsbl_ttl", SPECIFY("postscreen_dnsbl_max_ttl") },
	{ "postscreen_dnsbl_whitelist_threshold",
	    SPECIFY("postscreen_dnsbl_allowlist_threshold") },
	{ "postscreen_enforce_tls", SPECIFY("postscreen_tls_security_level") },
	{ "postscreen_use_tls", SPECIFY("postscreen_tls_security_level") },
	{ "postscreen_whitelist_interfaces",
	    SPECIFY("postscreen_allowlist_interfaces") },
	{ "smtp_cname_overrides_servername", LEAVE },
	{ "smtp_enforce_tls", SPECIFY("smtp_tls_security_level") },
	{ "smtp_per_record_deadline", SPECIFY("smtp_per_request_deadline") },
	{ "smtp_tls_enforce_peername", SPECIFY("smtp_tls_security_level") },
	{ "smtp_tls_per_site", SPECIFY("smtp_tls_policy_maps") },
	{ "smtp_use_tls", SPECIFY("smtp_tls_security_level") },
	{ "smtpd_client_connection_limit_exceptions",
	    SPECIFY("smtpd_client_event_limit_exceptions") },
	{ "smtpd_enforce_tls", SPECIFY("smtpd_tls_security_level") },
	{ "smtpd_tls_dh1024_param_file", LEAVE },
	{ "smtpd_tls_dh512_param_file", LEAVE },
	{ "smtpd_tls_eecdh_grade", LEAVE },
	{ "smtpd_use_tls", SPECIFY("smtpd_tls_security_level") },
	{ "tls_export_cipherlist", LEAVE },
	{ "tls_low_cipherlist", LEAVE },
	{ "tlsproxy_client_enforce_tls",
	    SPECIFY("tlsproxy_client_security_level") },
	{ "tlsproxy_client_level",
	    SPECIFY("tlsproxy_client_security_level") },
	{ "tlsproxy_client_per_site", SPECIFY("tlsproxy_client_policy_maps") },
	{ "tlsproxy_client_policy", SPECIFY("tlsproxy_client_policy_maps") },
	{ "tlsproxy_client_use_tls",
	    SPECIFY("tlsproxy_client_security_level") },
	{ "tlsproxy_enforce_tls", SPECIFY("tlsproxy_tls_security_level") },
	{ "tlsproxy_tls_dh1024_param_file", LEAVE },
	{ "tlsproxy_tls_dh512_param_file", LEAVE },
	{ "tlsproxy_tls_eecdh_grade", LEAVE },
	{ "tlsproxy_use_tls", SPECIFY("tlsproxy_tls_security_level") },
	{ "virtual_maps", SPECIFY("virtual_alias_maps") },
};

const char *
deprecated_instead(const char *name)
{
	for (size_t i = 0; i < sizeof deprecated / sizeof *deprecated; i++)
		if (text_eq(deprecated[i].name, name))
			return deprecated[i].instead;
	return NULL;
}
