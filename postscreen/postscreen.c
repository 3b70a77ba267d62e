/*
 * postscreen - keep those away from smtpd who are not worth its time
 *
 * Service smtp inet, one process for all clients, as mail_owner in the jail.
 * A client that passes its tests (session.c) goes to smtpd as an open
 * connection, and is remembered; others talk to a server of a few commands
 * (engine.c) that takes no mail.  It trusts nothing that a client or a DNS
 * list says.  TLS is spoken here, in the same process.
 *
 * Ends when master says so; clients under test see their connection end and
 * come again.
 */

#include "conf/param.h"
#include "mail/cache.h"
#include "net/dns.h"
#include "net/tls.h"
#include "postscreen/dnsbl.h"
#include "postscreen/lists.h"
#include "postscreen/session.h"
#include "server/server.h"
#include "server/tls.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/text.h"

struct screen screen;

/* --- set-up */

static void
take_action(const char *name, const char *value, enum action *ret)
{
	if (!action_parse(value, ret))
		fatalx("%s = %s: write ignore, enforce or drop", name, value);
}

static void
read_actions(void)
{
	const struct conf_postscreen *c = &conf_postscreen;

	take_action("postscreen_denylist_action",
	    c->postscreen_denylist_action, &screen.deny);
	take_action("postscreen_greet_action", c->postscreen_greet_action,
	    &screen.action[TEST_PREGREET]);
	take_action("postscreen_dnsbl_action", c->postscreen_dnsbl_action,
	    &screen.action[TEST_DNSBL]);
	take_action("postscreen_pipelining_action",
	    c->postscreen_pipelining_action, &screen.action[TEST_PIPELINING]);
	take_action("postscreen_non_smtp_command_action",
	    c->postscreen_non_smtp_command_action,
	    &screen.action[TEST_NON_SMTP]);
	take_action("postscreen_bare_newline_action",
	    c->postscreen_bare_newline_action,
	    &screen.action[TEST_BARE_NEWLINE]);
	screen.enabled = 1u << TEST_PREGREET;
	if (dnsbl_is_used())
		screen.enabled |= 1u << TEST_DNSBL;
	if (c->postscreen_pipelining_enable)
		screen.enabled |= 1u << TEST_PIPELINING;
	if (c->postscreen_non_smtp_command_enable)
		screen.enabled |= 1u << TEST_NON_SMTP;
	if (c->postscreen_bare_newline_enable)
		screen.enabled |= 1u << TEST_BARE_NEWLINE;
}

static void
open_cache(void)
{
	if (*conf_postscreen.postscreen_cache_map != '\0')
		screen.cache = cache_open("postscreen_cache_map",
		    conf_postscreen.postscreen_cache_map,
		    conf_mail.mail_owner);
}

static void
open_tls(void)
{
	const struct conf_postscreen *c = &conf_postscreen;
	const char *level = c->postscreen_tls_security_level;
	struct tls_settings set = {
		.server = true,
		.chain_files = c->postscreen_tls_chain_files,
		.rsa = { c->postscreen_tls_cert_file,
		    c->postscreen_tls_key_file },
		.dsa = { c->postscreen_tls_dcert_file,
		    c->postscreen_tls_dkey_file },
		.ecdsa = { c->postscreen_tls_eccert_file,
		    c->postscreen_tls_eckey_file },
		.ca_file = c->postscreen_tls_CAfile,
		.ca_path = c->postscreen_tls_CApath,
		.eecdh_grade = c->postscreen_tls_eecdh_grade,
		.dh_file = c->postscreen_tls_dh1024_param_file,
		.digest = c->postscreen_tls_fingerprint_digest,
		.id_context = "postscreen",
		.log_level = c->postscreen_tls_loglevel,
	};
	bool may = text_eq_nocase(level, "may") || c->postscreen_use_tls;

	screen.tls_required = text_eq_nocase(level, "encrypt") ||
	    c->postscreen_enforce_tls;
	if (!may && !screen.tls_required)
		return;
	if (server_tls_start())
		screen.tls = tls_context_new(&set, NULL);
}

static void
before_jail(void)
{
	const char *why;

	if (!dns_start(&why))
		log_warn("DNS: %s", why);
	dnsbl_init();
	read_actions();
	lists_init();
	open_cache();
	open_tls();
}

/* Nothing that matters is known of who has not come for so long. */
static bool
is_of_use(void *arg, const char *key, const char *value)
{
	struct record r;
	int64_t	      now = clock_wall_us() / 1000000;

	(void)arg;
	(void)key;
	if (!record_parse(&r, value))
		return false;
	for (int i = 0; i < TEST_COUNT; i++)
		if (r.until[i] + conf_postscreen.
		    postscreen_cache_retention_time >= now)
			return true;
	return false;
}

static void
after_jail(void)
{
	if (screen.cache != NULL &&
	    conf_postscreen.postscreen_cache_cleanup_interval > 0)
		cache_clean_every(screen.cache,
		    conf_postscreen.postscreen_cache_cleanup_interval,
		    is_of_use, NULL);
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = {
		&param_postscreen, &param_smtpd, &param_tls, NULL,
	};
	static const struct server postscreen = {
		.name = "postscreen",
		.one_process = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.before_jail = before_jail,
		.after_jail = after_jail,
		.serve = session_serve,
	};

	server_main(argc, argv, &postscreen);
}
