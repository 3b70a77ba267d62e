/* process - runs the command that a message is for */

#ifndef LOCAL_PROCESS_H
#define LOCAL_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "mail/why.h"

struct content;
struct delivery;
struct pool;

struct process {
	const char	*path;		/* NULL: argv[0] */
	char *const	*argv;
	char *const	*env;
	uid_t		 uid;
	gid_t		 gid;
	const char	*chroot_dir;	/* NULL: none */
	const char	*dir;		/* NULL: where we are */
	int		 time_limit;	/* seconds */
	const char	*title;		/* the command, for texts */
	const char	*caller;	/* "pipe_command: " in front of what the
					   log has about a failed execve() */
};

/*
 * The environment: export_environment (names, or name=value), then PATH, then
 * whatever is added; the last value of a name counts.  What is more than the
 * limit is left out.  Strings live in the pool.
 */
enum { PROCESS_ENV_MAX = 64 };	/* variables */

struct process_env {
	char	*vars[PROCESS_ENV_MAX + 1];
	int	 count;
};

void	process_env_init(struct process_env *, struct pool *,
	    const char *export_environment);
void	process_env_add(struct process_env *, struct pool *, const char *name,
	    const char *value);	/* NULL value: nothing */

/*
 * Runs it as its user with the message on standard input, and waits for its
 * end or the time limit.  `why`: 2.0.0 with `sent` as its text, or what
 * <sysexits.h> says of its status, or the code that its output begins with.
 * `output` gets what it said, cut to a bound and without its line ends.
 */
void	process_run(const struct process *, struct delivery *,
	    const struct content *, const char *sent, struct why *,
	    struct buf *output);

/*
 * Runs it with `fd` as standard input, output and error.  Wait status, or -1
 * with errno; ETIMEDOUT when it was killed at the time limit, which is logged.
 */
int	process_connect(const struct process *, int fd);

#endif
