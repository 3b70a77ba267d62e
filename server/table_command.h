/* table_command - what postmap and postalias have in common */

#ifndef SERVER_TABLE_COMMAND_H
#define SERVER_TABLE_COMMAND_H

#include <stdbool.h>

#include "table/tool.h"

struct buf;

/*
 * The command fills in name, letters (for getopt) and the functions, calls
 * table_command() from main() and returns its result.
 */
struct table_command {
	const char	*name;		/* "postmap" */
	const char	*letters;
	/* A letter first: true if it was the command's own; may end it. */
	bool		(*option)(int letter);
	void		(*usage)(void) __attribute__((noreturn));
	/* main.cf is read, utf8 is known if an option said it. */
	void		(*configured)(void);
	enum tool_result (*query)(struct buf *why);
	void		(*make)(const char *name);
	/* What the options said. */
	bool		 incremental, keep_mode, keep_root, list;
	int		 utf8;		/* -1: as main.cf says */
	const char	*query_key, *delete_key;
	struct table_tool tool;
};

/* The exit status; fatal errors end the process. */
int	table_command(struct table_command *, int argc, char **argv);

#endif
