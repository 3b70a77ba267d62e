/* options - what smtp-sink was told to do */

#ifndef COMMANDS_SMTP_SINK_OPTIONS_H
#define COMMANDS_SMTP_SINK_OPTIONS_H

#include <stdbool.h>

#include "util/buf.h"

/* What a client may say, its coming included. */
enum verb {
	VERB_CONNECT, VERB_HELO, VERB_EHLO, VERB_LHLO, VERB_XCLIENT,
	VERB_XFORWARD, VERB_AUTH, VERB_MAIL, VERB_RCPT, VERB_VRFY, VERB_DATA,
	VERB_DOT, VERB_RSET, VERB_NOOP, VERB_QUIT,
	VERB_COUNT
};

extern const char *const verb_names[VERB_COUNT];

/* What is to be done about a verb; the first that is set wins, but for `log`,
 * and `delay` is for the answer of who obeys. */
struct verb_rule {
	bool	log;		/* -s */
	bool	hang_up;	/* -q */
	bool	say_goodbye;	/* -Q */
	bool	refuse_hard;	/* -f */
	bool	refuse_soft;	/* -r */
	int	delay;		/* -w -W: seconds */
	int	odds;		/* of another delay, percent */
};

struct options {
	struct verb_rule rules[VERB_COUNT];
	bool		 no_8bitmime, no_auth, no_xclient, no_esmtp, no_codes;
	bool		 no_xforward, no_dsn, no_pipelining;
	bool		 pix, lmtp, count;
	bool		 abort_data;	/* -A */
	int		 abort_delay;	/* seconds */
	int		 read_delay;	/* -H: seconds */
	const char	*soft_reply, *hard_reply;
	const char	*hostname;
	const char	*dump;		/* template of -d or -D, or NULL */
	bool		 dump_is_shared; /* -D */
	struct buf	 dump_start;	/* -S */
	int		 connections_max;
	int		 messages_max, quits_max; /* 0: no limit */
	int		 timeout;	/* seconds */
	int		 window;	/* bytes; 0: the system's */
	int		 family;
	const char	*root, *user;
	const char	*where;
	int		 backlog;
};

/* Ends the process with a message if something is wrong. */
void	options_parse(struct options *, int argc, char **argv);

#endif
