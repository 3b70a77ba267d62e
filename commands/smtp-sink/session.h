/* session - one client of smtp-sink */

#ifndef COMMANDS_SMTP_SINK_SESSION_H
#define COMMANDS_SMTP_SINK_SESSION_H

#include "commands/smtp-sink/options.h"
#include "net/addr.h"

/* Counters of all sessions, for -c, -M and -n. */
struct counters {
	int	sessions, quits, messages;
};

/* Serves the client to its end and closes the descriptor; does not return
 * when a limit of -M or -n is reached. */
void	session_serve(const struct options *, struct counters *, int fd,
	    const struct addr *client);

#endif
