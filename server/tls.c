#include "server/tls.h"

#include "conf/param.h"
#include "net/tls.h"
#include "util/log.h"

static void
to_log(bool is_warning, const char *text)
{
	if (is_warning)
		log_warn("%s", text);
	else
		log_info("%s", text);
}

bool
server_tls_start(void)
{
	const struct tls_library library = {
		.config_file = conf_tls.tls_config_file,
		.config_name = conf_tls.tls_config_name,
		.high_ciphers = conf_tls.tls_high_cipherlist,
		.medium_ciphers = conf_tls.tls_medium_cipherlist,
		.null_ciphers = conf_tls.tls_null_cipherlist,
		.auto_curves = conf_tls.tls_eecdh_auto_curves,
		.strong_curve = conf_tls.tls_eecdh_strong_curve,
		.ultra_curve = conf_tls.tls_eecdh_ultra_curve,
		.ffdhe_groups = conf_tls.tls_ffdhe_auto_groups,
		.disable_workarounds = conf_tls.tls_disable_workarounds,
		.ssl_options = conf_tls.tls_ssl_options,
		.dane_digests = conf_tls.tls_dane_digests,
		.append_default_ca = conf_tls.tls_append_default_CA,
		.preempt_ciphers = conf_tls.tls_preempt_cipherlist,
		.fast_shutdown = conf_tls.tls_fast_shutdown_enable,
		.wildcard_many_labels =
		    conf_tls.tls_wildcard_matches_multiple_labels,
		.log = to_log,
	};
	const char *why;

	if (tls_start(&library, &why))
		return true;
	log_warn("TLS library problem: %s; TLS is disabled", why);
	return false;
}
