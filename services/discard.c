/*
 * discard - deliver to nowhere
 *
 * Every recipient is marked as delivered, with the next hop as the reason in
 * the log.  Runs as mail_owner, in a jail; many deliveries at once, each a
 * task.  Trusts qmgr.  Ends when master retires it or when it has been idle.
 */

#include "mail/deliver.h"
#include "server/server.h"
#include "util/proc.h"

static void
discard(struct delivery *d)
{
	static const struct deliver_via none = { .relay = "none" };
	struct why			why = WHY_INIT;

	why_parse(&why, d->nexthop, "2.0.0");
	for (size_t i = 0; i < d->rcpt_count; i++)
		delivery_sent(d, &d->rcpt[i], &none, &why);
	why_done(&why);
}

static void
serve(struct stream *client)
{
	deliver_serve(client, discard);
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = { NULL };
	static const struct server	      discard_server = {
		.name = "discard",
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.serve = serve,
	};

	server_main(argc, argv, &discard_server);
}
