/*
 * smtpd - receive mail by SMTP
 *
 * Runs as mail_owner in the jail, started by master with listening sockets;
 * serves many clients at once, a task each.  Trusts nothing that comes from
 * the network; trusts main.cf and the tables it names.  Messages go to
 * cleanup, which answers for them: the client gets its 250 when the message
 * is on disk.
 *
 * With -S one session runs on standard input and output (sendmail -bs).
 * Ends when master says so, after its last session.
 */

#include "conf/param.h"
#include "mail/own_addr.h"
#include "mail/srs.h"
#include "net/dns.h"
#include "server/server.h"
#include "smtpd/auth.h"
#include "smtpd/config.h"
#include "smtpd/session.h"
#include "smtpd/starttls.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/text.h"

/* "postfix explain" asks what a client of the network would hear. */
static bool
is_explaining(void)
{
	const char *arg = server_args()[0];

	return server_is_alone() && arg != NULL && text_eq(arg, "explain");
}

static void
before_jail(void)
{
	const char *why;

	if (is_explaining())	/* whom nobody shall be locked out for */
		log_open(LOG_TO_STDERR, "smtpd", NULL, 0);
	if (!own_addr_init(conf_mail.inet_interfaces,
	    conf_mail.proxy_interfaces, conf_mail.inet_protocols, &why))
		fatalx("%s", why);
	if (!dns_start(&why))
		log_warn("DNS: %s", why);
	if ((why = srs_start()) != NULL)
		fatalx("%s", why);
	config_load();
	auth_load();
	starttls_load();
}

static void
serve(struct stream *stream)
{
	session_run(stream, server_is_alone() && !is_explaining());
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = {
		&param_mail, &param_smtpd, &param_tls, &param_milter, NULL
	};
	static const struct server smtpd = {
		.name = "smtpd",
		.kind = SERVER_MULTI,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.before_jail = before_jail,
		.after_jail = starttls_watch,
		.serve = serve,
	};

	server_main(argc, argv, &smtpd);
}
