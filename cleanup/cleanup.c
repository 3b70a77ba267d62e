/*
 * cleanup - put messages into the queue
 *
 * Runs as mail_owner in the jail, without access to the network.  It serves
 * public/cleanup: smtpd, pickup, bounce, local and others hand in a message
 * each, many at the same time, every connection a task.  What comes over the
 * socket was written by strangers: lengths are bounded, and the senders of
 * the frames are trusted only to say where the mail came from.
 *
 * A process ends when master says so, after its last session.
 */

#include "cleanup/characters.h"
#include "cleanup/inspect.h"
#include "cleanup/message.h"
#include "cleanup/milter.h"
#include "cleanup/session.h"
#include "conf/param.h"
#include "mail/maps.h"
#include "mail/queue_dir.h"
#include "mail/srs.h"
#include "server/server.h"
#include "util/log.h"
#include "util/proc.h"

/* Tables may stand where the jailed process sees nothing. */
static void
before_jail(void)
{
	const char *why;

	queue_sync_init();
	maps_before_jail();
	maps_init();
	fields_init();
	characters_init();
	inspect_init();
	milter_init();
	if ((why = srs_start()) != NULL)
		fatalx("%s", why);
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = {
		&param_milter, NULL,
	};
	static const struct server cleanup = {
		.name = "cleanup",
		.kind = SERVER_MULTI,
		.hides_sigterm = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.before_jail = before_jail,
		.serve = session_serve,
	};

	server_main(argc, argv, &cleanup);
}
