/*
 * error - refuse to deliver, for the reason given as next hop
 *
 * Serves the transports "error", which returns mail, and "retry", which
 * defers it: qmgr sends here what can't be delivered now, and administrators
 * write "error:5.1.2 closed" into transport tables.  Runs as mail_owner, in
 * a jail; many deliveries at once, each a task.  Trusts qmgr.  Ends when
 * master retires it or when it has been idle.
 */

#include <string.h>

#include "mail/deliver.h"
#include "server/server.h"
#include "util/log.h"
#include "util/proc.h"

static void
refuse(struct delivery *d)
{
	static const struct deliver_via none = { .relay = "none" };
	bool		  is_retry = strcmp(server_service(), "retry") == 0;
	struct why	  why = WHY_INIT;

	why_parse(&why, d->nexthop, is_retry ? "4.0.0" : "5.0.0");
	if (why.text.len == 0 && *d->nexthop != '\0')
		buf_adds(&why.text, "?");
	for (size_t i = 0; i < d->rcpt_count; i++) {
		if (is_retry)
			delivery_deferred(d, &d->rcpt[i], &none, &why);
		else
			delivery_bounced(d, &d->rcpt[i], &none, &why);
	}
	why_done(&why);
}

static void
serve(struct stream *client)
{
	deliver_serve(client, refuse);
}

static void
after_jail(void)
{
	const char *name = server_service();

	if (strcmp(name, "error") != 0 && strcmp(name, "retry") != 0)
		fatalx("bad error service name: %s", name);
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = { NULL };
	static const struct server	      error_server = {
		.name = "error",
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.after_jail = after_jail,
		.serve = serve,
	};

	server_main(argc, argv, &error_server);
}
