/* pipe_attr - what master.cf says of a pipe transport */

#ifndef LOCAL_PIPE_ATTR_H
#define LOCAL_PIPE_ATTR_H

#include <stdbool.h>
#include <stddef.h>

#include "local/command_attr.h"
#include "mail/envelope.h"

struct delivery;
struct pool;

/* flags= */
enum pipe_flag {
	PIPE_BLANK_LINE = 1,	/* B */
	PIPE_DELIVERED_TO = 2,	/* D */
	PIPE_FROM_LINE = 4,	/* F */
	PIPE_ORIGINAL_TO = 8,	/* O */
	PIPE_RETURN_PATH = 16,	/* R */
	PIPE_FINAL = 32,	/* X */
	PIPE_FOLD_DOMAIN = 64,	/* h */
	PIPE_QUOTE = 128,	/* q */
	PIPE_FOLD_LOCAL = 256,	/* u */
	PIPE_STUFF_DOTS = 512,	/* . */
	PIPE_QUOTE_FROM = 1024,	/* > */
};

struct pipe_attr {
	unsigned	 flags;		/* enum pipe_flag */
	const char	*eol, *null_sender, *chroot_dir, *dir;
	long		 size;		/* bytes; 0 no limit */
	struct command_user user;
	char		**argv;		/* with macros */
};

/* Reads "name=value" words, the last of which is argv=.  Ends the program on
 * what is wrong. */
void	pipe_attr_read(struct pipe_attr *, char **words);

/*
 * The arguments for one delivery.  One that names something of a recipient
 * comes once for each of them; what stands for a macro is never looked at
 * again.  NULL with why if a macro is malformed or
 * unknown.
 */
char	**pipe_attr_expand(const struct pipe_attr *, struct pool *,
	    struct delivery *, const char **ret_why);

#endif
