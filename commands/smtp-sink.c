/*
 * smtp-sink - a server that accepts mail and throws it away, for tests
 *
 * For anybody, at a port that its rights allow; root must name a user, which
 * it becomes when the socket is open.  All sessions are tasks of one process.
 * Nothing is configured but by options, and no file is touched but those that
 * -d or -D asks for.  What clients say is bounded and never believed; what of
 * it is shown is made harmless.
 *
 * Ends by a signal, with 0 after as many messages or sessions as it was told,
 * or with 1 and a reason.
 */

#include <signal.h>
#include <syslog.h>

#include "commands/smtp-sink/options.h"
#include "commands/smtp-sink/session.h"
#include "commands/sink/sink.h"
#include "util/log.h"

static struct {
	struct options	opt;
	struct counters	counters;
} run;

static void
serve(int fd, const struct addr *client)
{
	char text[ADDR_TEXT] = "local";

	if (log_verbose > 0) {
		if (addr_family(client) != AF_UNIX)
			addr_text(client, text);
		log_debug("connect (%s %s)",
		    addr_family(client) == AF_INET ? "AF_INET" :
		    addr_family(client) == AF_INET6 ? "AF_INET6" : "AF_LOCAL",
		    text);
	}
	session_serve(&run.opt, &run.counters, fd, client);
}

int
main(int argc, char **argv)
{
	int listener;

	log_set_name(argv[0]);
	signal(SIGPIPE, SIG_IGN);
	options_parse(&run.opt, argc, argv);
	/* The log's socket too is opened before the root directory changes. */
	openlog("smtp-sink", LOG_PID | LOG_NDELAY, LOG_MAIL);
	listener = sink_listen(run.opt.where, run.opt.family, run.opt.backlog,
	    run.opt.window);
	sink_become(run.opt.user, run.opt.root);
	sink_loop(listener, (size_t)run.opt.connections_max, serve);
}
