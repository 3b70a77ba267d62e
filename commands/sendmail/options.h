/* options - the command line of sendmail */

#ifndef COMMANDS_SENDMAIL_OPTIONS_H
#define COMMANDS_SENDMAIL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/envelope.h"

enum mode {
	MODE_MAIL, MODE_QUEUE, MODE_ALIASES, MODE_DAEMON, MODE_SMTP,
	MODE_FLUSH, MODE_NOTHING,
};

struct options {
	enum mode	 mode;
	const char	*name;		/* as called */
	bool		 keep_dots;	/* -i */
	unsigned	 flags;		/* enum submit_flag */
	unsigned	 env_flags;	/* enum envelope_flag */
	const char	*sender;	/* -f, NULL: the caller */
	const char	*full_name;	/* -F */
	const char	*encoding;	/* -B */
	const char	*envid;		/* -V */
	const char	*verp;		/* -XV, NULL none */
	const char	*site;		/* -qR */
	const char	*queue_id;	/* -qI */
	const char	*alias_file;	/* -oA */
	uint8_t		 notify;	/* -N */
	enum dsn_ret	 ret;		/* -R */
	int		 verbose;	/* -v */
	bool		 has_config;	/* -C */
};

extern struct options opt;

/* Ends the program with a reason when they make no sense; optind is then at
 * the first recipient. */
void	options_parse(int argc, char **argv);

#endif
