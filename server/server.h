/* server - the skeleton of every daemon */

#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>

#include "conf/param.h"

struct addr;
struct stream;

/*
 * A daemon fills a struct server and calls server_main(), which never
 * returns.  Order of life:
 *
 *	options (-c -d -D -i -l -m N -n NAME -o name=value -s N -S -t -u -v -V
 *	-z)
 *	main.cf read, `areas` loaded, logging opened
 *	before_jail()	as root (or the user): open what needs it, and
 *			tables: in a chroot their files are out of sight
 *	jail		chroot to queue_directory with -z, uid mail_owner
 *			(unless `privileged`: then root for ever), no_new_privs,
 *			seccomp, Landlock; of these what an ordinary user
 *			can do, when it was one that started us
 *	after_jail()	connections
 *	serve(stream)	a task for each connection; the stream is closed
 *			afterwards
 *	before_exit()	after the last session
 *
 * master hands over the listening descriptors and the status channel (see
 * server/master_proto.h); a program started by hand with -S serves one
 * session on standard input and output.  The working directory is
 * queue_directory, so "private/cleanup" and "active/A1B2" are paths.
 */
enum server_kind {
	SERVER_MULTI,		/* many sessions a process, each a task */
	SERVER_SINGLE,		/* one session at a time, may block: local,
				   virtual, pipe, spawn */
};

struct server {
	const char	*name;			/* program: "smtpd" */
	enum server_kind kind;
	bool		 privileged;		/* keeps root: local, pipe */
	bool		 one_process;		/* qmgr, anvil, verify: state
						   in one worker */
	bool		 hides_sigterm;		/* ends with 0 after it: cleanup
						   in Postfix does */
	unsigned	 jail;			/* enum proc_jail bits */
	const struct param_area *const *areas;	/* ends with NULL; conf_mail
						   is always loaded */
	void		(*before_jail)(void);
	void		(*after_jail)(void);
	/* SERVER_SINGLE: a client waits for the first time.  A program that
	 * finds out now that it can't work ends here: the client learns it at
	 * once, and master throttles. */
	void		(*first_session)(void);
	void		(*serve)(struct stream *);
	/* A TRIGGER frame (mail/qmgr_client.h) or the bytes of a fifo: master's
	 * wake-ups "W", postkick, postqueue -f.  In a task of its own.  With
	 * it, serve() waits until the client has spoken. */
	void		(*triggered)(const char *requests);
	/* of unix-dgram; there is no more for now, or NULL */
	void		(*datagram)(const char *, unsigned len);
	void		(*drained)(void);
	void		(*before_exit)(void);
	/* true: the process may not end yet although it has no session
	 * (qmgr with an active queue). */
	bool		(*is_busy)(void);
};

void	server_main(int argc, char **argv, const struct server *)
	    __attribute__((noreturn));

/* What master and the command line told. */
const char	*server_service(void);		/* service name: "relay" */
const char	*server_process_name(void);	/* as it was started: "lmtp" for
						   the program smtp */
char		**server_args(void);		/* after the options, ended by
						   NULL: pipe, spawn */
bool		 server_stopping(void);		/* finish soon: reload or stop;
						   the request at hand may go
						   on */
void		 server_retire(void);		/* end after the sessions that
						   are open; a successor takes
						   the next */
int		 server_sessions(void);		/* now */
bool		 server_is_alone(void);		/* -S: one session, as a user */
bool		 server_stress(void);		/* -o stress=yes */

/*
 * Name and address that the session's socket is connected to and bound to:
 * use getpeername()/getsockname() on stream_fd().  But if this is true they
 * are what postscreen had from a proxy in front of it.
 */
bool		 server_passed(const struct stream *, struct addr *ret_client,
		    struct addr *ret_server);

/*
 * Sends requests (bytes such as "W") to a service's Unix socket, without
 * waiting: as postkick, postqueue -f and master's wake-ups do.  False with
 * errno.  Requests to other services: mail/peer.h.
 */
bool		 server_trigger(const char *path, const char *requests);

#endif
