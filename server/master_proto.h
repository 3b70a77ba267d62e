/* master_proto - between master and its workers */

#ifndef SERVER_MASTER_PROTO_H
#define SERVER_MASTER_PROTO_H

/*
 * A worker is started with these descriptors (and, above them, nothing):
 *
 *	MASTER_FD_STATUS	stream socket to master; end of file means that
 *				master is gone
 *	MASTER_FD_LISTEN	the listening sockets, -s N of them
 *
 * and the environment GENERATION (hex, counts reloads) and MAIL_CONFIG, and
 * the options -n SERVICE -t TYPE -s N -u (unprivileged) -z (chroot)
 * -m SESSIONS (share of maxproc, 0 no limit).
 *
 * The worker writes single bytes to MASTER_FD_STATUS when its state changes:
 */
enum master_status {
	MASTER_READY = 'r',	/* listens; has served nothing yet */
	MASTER_OPEN = 'o',	/* takes sessions again */
	MASTER_FULL = 'f',	/* has its share of sessions: not listening */
	MASTER_SERVED = 's',	/* once: works; its end is no bad start */
	MASTER_LEAVING = 'l',	/* idle: takes no more sessions, will end */
};

/*
 * and reads single bytes:
 */
enum master_order {
	MASTER_RETIRE = 'q',	/* reload: no new sessions, end after the
				   last */
	MASTER_LOOK = 'k',	/* a connection waits that the kernel gave to a
				   worker that did not take it */
	MASTER_STRESS = 's',	/* the service has reached its limit */
	MASTER_CALM = 'c',	/* not any more, for a while */
};

enum {
	MASTER_FD_STATUS = 3, MASTER_FD_LISTEN = 4,
};

/* Descriptors that a worker keeps for itself, and for each session: the
 * client, and one of another service while a message comes in. */
enum {
	MASTER_FDS_OTHER = 64,
	MASTER_FDS_A_SESSION = 2,
};

#endif
