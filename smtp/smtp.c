/*
 * smtp, lmtp - deliver mail to other hosts
 *
 * An agent of qmgr: each request (mail/deliver.h) is the delivery of one
 * message to some recipients at one next hop, and a task of this process.
 * Runs as mail_owner in its jail and opens queue files by their names; it
 * believes nothing that a server or the DNS says.  Started by the
 * name lmtp it speaks LMTP (RFC 2033).
 *
 * Ends when master takes it away or nothing was to be done for a while;
 * sessions kept open for the next message are closed then.
 */

#include <string.h>

#include "conf/conf.h"
#include "mail/deliver.h"
#include "mail/deliver_filter.h"
#include "mail/own_addr.h"
#include "mail/srs.h"
#include "net/dns.h"
#include "server/server.h"
#include "smtp/auth.h"
#include "smtp/cache.h"
#include "smtp/deliver.h"
#include "smtp/filter.h"
#include "smtp/generic.h"
#include "smtp/notice.h"
#include "smtp/policy.h"
#include "smtp/prepend.h"
#include "smtp/quirks.h"
#include "smtp/report.h"
#include "smtp/requiretls.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "smtp/tls.h"
#include "util/log.h"
#include "util/proc.h"

static void
before_jail(void)
{
	const char *why;

	settings_load(strcmp(server_process_name(), "lmtp") == 0);
	deliver_filter_open(strcmp(server_process_name(), "lmtp") == 0 ?
	    "lmtp" : "smtp");
	prepend_init(server_args());
	if (settings.is_lmtp && conf_lmtp.lmtp_assume_final)
		log_warn("lmtp_assume_final is obsolete; instead, specify "
		    "\"flags=X\" in master.cf");
	if ((why = srs_start()) != NULL)
		fatalx("%s", why);
	if (!own_addr_init(conf_mail.inet_interfaces,
	    conf_mail.proxy_interfaces, conf_mail.inet_protocols, &why))
		fatalx("%s", why);
	if (!dns_start(&why))
		log_warn("DNS: %s", why);
	if (settings.dns_search != 0)
		dns_search_start();
	auth_start();
	ehlo_init();
	generic_init();
	filter_init();
	quirks_init();
	policy_init();
	notice_init();
	requiretls_init();
	client_tls_init();
	report_init();
}

static void
serve(struct stream *client)
{
	deliver_serve(client, deliver_message);
}

static void
before_exit(void)
{
	cache_end();
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = {
		&param_smtp, &param_lmtp, &param_tls, NULL,
	};
	static const struct server smtp = {
		.name = "smtp",
		.kind = SERVER_MULTI,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.before_jail = before_jail,
		.serve = serve,
		.before_exit = before_exit,
	};

	server_main(argc, argv, &smtp);
}
