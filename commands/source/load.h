/* load - many sessions at once that send messages to one server */

#ifndef COMMANDS_SOURCE_LOAD_H
#define COMMANDS_SOURCE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/stream.h"
#include "util/task.h"

/*
 * What smtp-source and qmqp-source have in common: the options that both
 * know, connections, and how the messages are shared out.  All sessions are
 * tasks of one process.  Trouble ends the program through fatalx().
 */
struct load {
	const char	*protocol;	/* for debuggers: the tasks' name */
	uint16_t	 port;		/* unless the server's name has one */
	int		 sessions, messages, recipients;
	int		 length;	/* bytes, of -l; 0: not given */
	bool		 show_count;
	const char	*host;		/* of -M, or our own */
	const char	*from, *to;
	int		 max_tries;	/* to connect */
	int		 pause, random_pause;	/* seconds, one is 0 */
	int		 family;	/* AF_UNSPEC, AF_INET, AF_INET6 */
};

/* The letters that load_option() takes, for getopt(3). */
#define LOAD_OPTIONS "46cC:f:l:m:M:r:R:s:t:vw:"

/* What is not given has its default. */
void	load_init(struct load *, const char *protocol, uint16_t port);

/* False: the letter is none of ours. */
bool	load_option(struct load *, int letter, const char *value);

/* A number from 1 on, or the end: "bad <what>: <text>". */
int	load_number(const char *what, const char *text);

/* After the options: fills in what is not given, and looks the server up,
 * "[inet:]host[:port]" or "unix:path".  The object must stay. */
void	load_begin(struct load *, const char *server);

/* Runs as many tasks `session` as there is work for.  Each ends when
 * load_next() is false, and then calls load_end(); the last one lets this
 * return. */
void	load_run(task_fn *session);

/*
 * Takes the next message: *number becomes its number, from 1, among those of
 * all sessions.  If it was 0, this is the session's first; otherwise the pause
 * between messages comes before.  False: all are sent or being sent.
 */
bool	load_next(int *number);

/* A message is through: -c shows how many. */
void	load_count(void);

/* The session's last call. */
void	load_end(void);

/*
 * Connects to the server.  The stream's end discards the connection: a port
 * that stays busy for a minute after each message would soon be missing.
 */
struct stream	*load_connect(void);

/* Waits are bounded by this from now on. */
void	load_wait(struct stream *);

/* Sends what was written and then all of `bytes`, each piece within the time
 * for a wait. */
void	load_write(struct stream *, const struct buf *bytes);

/* Ends the program unless the stream is sound: "timeout while", "lost
 * connection while <doing>". */
void	load_check(const struct stream *, const char *doing);

/* "From: ... To: ... Date: ...", lines ending in `eol`. */
void	load_header(struct buf *, const char *eol);

#endif
