/* master_proto - between master and its workers */

#ifndef SERVER_MASTER_PROTO_H
#define SERVER_MASTER_PROTO_H

/*
 * A worker is started with these descriptors (and, above them, nothing):
 *
 *	MASTER_FD_STATUS	stream socket to master
 *	MASTER_FD_FLOW		read end of a pipe that only master writes: end
 *				of file means that master is gone
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
	MASTER_SERVED = 's',	/* once: first session served well */
};

/*
 * and reads single bytes:
 */
enum master_order {
	MASTER_RETIRE = 'q',	/* reload or idle: no new sessions, end after
				   the last */
};

enum {
	MASTER_FD_STATUS = 3, MASTER_FD_FLOW = 4, MASTER_FD_LISTEN = 5,
};

#endif
