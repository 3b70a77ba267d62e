/* server_int - what the parts of the server skeleton share */

#ifndef SERVER_SERVER_INT_H
#define SERVER_SERVER_INT_H

#include <stdbool.h>
#include <stddef.h>

#include "server/master_proto.h"
#include "server/server.h"

/* How the program was started; constant once the loop runs. */
struct server_start {
	const struct server	*s;
	const char		*program;	/* "smtpd" */
	const char		*service;	/* "smtp" */
	const char		*type;		/* "inet" */
	char			**args;
	int			 sockets;	/* -s */
	int			 max_sessions;	/* -m; 0 no limit */
	int			 max_idle;	/* seconds; 0 never */
	bool			 alone;		/* -S: one session on stdin */
	bool			 unprivileged;	/* -u */
	bool			 chroot;	/* -z */
	bool			 stress;
	int			 bad_option;	/* letter; 0: none */
};

extern struct server_start server_start;

/* The state that server_stopping() and friends tell. */
struct server_state {
	bool	stopping;
	bool	retiring;	/* server_retire() was called */
	bool	served;
	bool	terminated;	/* by SIGTERM */
	int	sessions;
};

extern struct server_state server_state;

/* Chroot, ids, seccomp, Landlock; fatal on trouble. */
void	server_jail(void);

/* Serve until told to end; they return then. */
void	server_run_multi(void);
void	server_multi_leave(void);	/* of its own accord */
void	server_run_single(void);
void	server_run_alone(void);

/* Loads parameters anew that depend on $stress. */
void	server_set_stress(bool on);

/* One connection: a trigger or a session. */
void	server_session(struct stream *);

/* One byte to master; nothing when there is none. */
void	server_report(enum master_status);

#endif
