/* command - splitting command lines, and the table of commands */

#ifndef SMTPD_COMMAND_H
#define SMTPD_COMMAND_H

#include <stdbool.h>

#include "smtpd/session.h"

/*
 * A command line, split in place: the verb and the rest without white space at
 * its ends.  Bytes after a NUL do not exist.
 */
struct command_line {
	char		*verb;		/* "" for an empty line */
	char		*rest;
	char		 gap;		/* the byte that ended the verb */
};

/* Undoes the cut after the verb, for a line that is shown as it came. */
void	command_join(struct command_line *);

void	command_split(char *line, struct command_line *ret);

/* The next word of *s, ended by white space, or NULL; moves *s on. */
char	*command_word(char **s);

enum command_flag {
	COMMAND_JUNK = 1,	/* counts against smtpd_junk_command_limit */
	COMMAND_LAST = 2,	/* ends a pipelined group (RFC 2920 3.1) */
	COMMAND_CLEAR = 4,	/* may come before TLS that is mandatory */
	COMMAND_OTHER = 8,	/* milters have no event for it */
};

struct command {
	const char	*verb;
	enum verb	 id;
	int		 flags;
	bool		(*run)(struct session *, struct command_line *);
};

/* NULL if there is none of that name. */
const struct command *command_find(const char *verb);

/* One file a group: each is true if the command counts as done well. */
bool	helo_run(struct session *, struct command_line *);
bool	ehlo_run(struct session *, struct command_line *);
bool	mail_run(struct session *, struct command_line *);
bool	rcpt_run(struct session *, struct command_line *);
bool	data_run(struct session *, struct command_line *);
bool	bdat_run(struct session *, struct command_line *);
bool	rset_run(struct session *, struct command_line *);
bool	noop_run(struct session *, struct command_line *);
bool	vrfy_run(struct session *, struct command_line *);
bool	etrn_run(struct session *, struct command_line *);
bool	quit_run(struct session *, struct command_line *);
bool	help_run(struct session *, struct command_line *);
bool	auth_run(struct session *, struct command_line *);
bool	starttls_run(struct session *, struct command_line *);
bool	xclient_run(struct session *, struct command_line *);
bool	xforward_run(struct session *, struct command_line *);

#endif
