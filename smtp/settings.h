/* settings - the parameters of this agent: smtp_* or lmtp_* */

#ifndef SMTP_SETTINGS_H
#define SMTP_SETTINGS_H

#include <stdbool.h>

/*
 * One program is both agents; the parameters have the same names but for the
 * prefix.  Set once, before the first request.
 */
#define SETTINGS_OF_BOTH(INT, BOOL, TEXT) \
	INT(connect_timeout) INT(connect_fallback_delay) INT(mail_timeout) \
	INT(rcpt_timeout) INT(data_init_timeout) INT(data_xfer_timeout) \
	INT(data_done_timeout) INT(rset_timeout) INT(quit_timeout) \
	INT(mx_address_limit) INT(mx_session_limit) INT(line_length_limit) \
	INT(connection_cache_time_limit) INT(connection_reuse_time_limit) \
	INT(connection_reuse_count_limit) \
	BOOL(randomize_addresses) BOOL(balance_inet_protocols) \
	BOOL(defer_if_no_mx_address_found) BOOL(bind_address_enforce) \
	BOOL(connection_cache_on_demand) BOOL(skip_5xx_greeting) \
	BOOL(skip_quit_response) BOOL(quote_rfc821_envelope) \
	BOOL(cname_overrides_servername) BOOL(log_tls_feature_status) \
	BOOL(sasl_auth_enable) BOOL(sasl_auth_soft_bounce) \
	BOOL(send_dummy_mail_auth) BOOL(sender_dependent_authentication) \
	INT(sasl_auth_cache_time) TEXT(sasl_auth_cache_name) \
	TEXT(sasl_password_maps) TEXT(sasl_password_result_delimiter) \
	TEXT(sasl_token_maps) TEXT(sasl_mechanism_filter) \
	TEXT(sasl_security_options) TEXT(sasl_tls_security_options) \
	TEXT(sasl_tls_verified_security_options) TEXT(sasl_type) \
	BOOL(use_tls) BOOL(enforce_tls) BOOL(tls_wrappermode) \
	TEXT(header_checks) TEXT(mime_header_checks) \
	TEXT(nested_header_checks) TEXT(body_checks) \
	TEXT(reply_filter) TEXT(dns_reply_filter) \
	TEXT(dns_resolver_options) TEXT(pix_workarounds) \
	TEXT(pix_workaround_maps) INT(pix_workaround_delay_time) \
	INT(pix_workaround_threshold_time) BOOL(per_request_deadline) \
	INT(min_data_rate) BOOL(send_xforward_command) INT(xforward_timeout) \
	BOOL(tls_enforce_peername) BOOL(tls_note_starttls_offer) \
	BOOL(tls_connection_reuse) BOOL(tls_enable_rpk) \
	BOOL(tls_force_insecure_host_tlsa_lookup) \
	BOOL(tls_block_early_mail_reply) \
	INT(starttls_timeout) INT(tls_loglevel) INT(tls_scert_verifydepth) \
	INT(tls_session_cache_timeout) \
	TEXT(tcp_port) TEXT(address_preference) TEXT(bind_address) \
	TEXT(bind_address6) TEXT(connection_cache_destinations) \
	TEXT(fallback_relay) TEXT(host_lookup) TEXT(tls_security_level) \
	TEXT(tls_policy_maps) TEXT(tls_per_site) \
	TEXT(tls_CAfile) TEXT(tls_CApath) TEXT(tls_chain_files) \
	TEXT(tls_cert_file) TEXT(tls_key_file) TEXT(tls_dcert_file) \
	TEXT(tls_dkey_file) TEXT(tls_eccert_file) TEXT(tls_eckey_file) \
	TEXT(tls_ciphers) TEXT(tls_mandatory_ciphers) \
	TEXT(tls_exclude_ciphers) TEXT(tls_mandatory_exclude_ciphers) \
	TEXT(tls_protocols) TEXT(tls_mandatory_protocols) \
	TEXT(tls_fingerprint_cert_match) TEXT(tls_fingerprint_digest) \
	TEXT(tls_verify_cert_match) TEXT(tls_secure_cert_match) \
	TEXT(tls_servername) TEXT(tls_trust_anchor_file) \
	TEXT(tls_session_cache_database) TEXT(dns_support_level) \
	TEXT(address_verify_target) TEXT(generic_maps) \
	BOOL(tls_enforce_sts_mx_patterns) \
	BOOL(tlsrpt_enable) TEXT(tlsrpt_socket_name) \
	BOOL(tlsrpt_skip_reused_handshakes) TEXT(requiretls_policy)

struct settings {
#define INT(name) int name;
#define BOOL(name) bool name;
#define TEXT(name) const char *name;
	SETTINGS_OF_BOTH(INT, BOOL, TEXT)
#undef INT
#undef BOOL
#undef TEXT
	bool		 is_lmtp;
	const char	*prefix;		/* "smtp" or "lmtp" */
	const char	*helo_name;
	int		 helo_timeout;
	const char	*discard_keywords, *discard_keyword_maps;
	bool		 always_send_ehlo, never_send_ehlo;
	/* worked out */
	int		 families;		/* DNS_V4 | DNS_V6 */
	bool		 use_dns, use_hosts;	/* for addresses of hosts */
	bool		 disable_dns;
	unsigned	 dns_search;		/* DNS_DEFNAMES | DNS_SEARCH */
	bool		 dnssec;
	const char	*dane_insecure_mx_policy;
	bool		 mta_sts;		/* smtp only */
};

extern struct settings settings;

void	settings_load(bool is_lmtp);

#endif
