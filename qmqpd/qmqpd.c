/*
 * qmqpd - receive mail by QMQP
 *
 * Runs as mail_owner in the jail, started by master with listening sockets;
 * serves many clients at once, a task each.  QMQP (D. J. Bernstein, 1997) is
 * how hosts without a queue hand their mail to one that has one: no greeting,
 * no login, one message a connection.  So only the hosts in
 * qmqpd_authorized_clients may use it, and they may send to anybody; nothing
 * else that comes from the network is trusted.  cleanup answers for the
 * message: the client gets its K when it is on disk.
 *
 * Ends when master says so, after its last session.
 */

#include "conf/param.h"
#include "net/dns.h"
#include "qmqpd/session.h"
#include "server/server.h"
#include "util/log.h"
#include "util/proc.h"

static void
before_jail(void)
{
	const char *why;

	if (!dns_start(&why))
		log_warn("DNS: %s", why);
	session_load();
}

int
main(int argc, char **argv)
{
	static const struct server qmqpd = {
		.name = "qmqpd",
		.kind = SERVER_MULTI,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.before_jail = before_jail,
		.serve = session_run,
	};

	server_main(argc, argv, &qmqpd);
}
