/* mbox - appending to a mailbox file */

#ifndef LOCAL_MBOX_H
#define LOCAL_MBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "mail/why.h"

struct content;
struct delivery;
struct quota;

enum mbox_lock { MBOX_FCNTL = 1, MBOX_FLOCK = 2, MBOX_DOTLOCK = 4 };

/* "fcntl, dotlock" -> bits; ends the process, with a log line, if the named
 * parameter has another word. */
unsigned mbox_parse_locks(const char *param, const char *text);

/* A message that may be sent may be delivered: ends the process, with a log
 * line, if the limit (bytes, 0 none) of the named parameter is below
 * message_size_limit. */
void	mbox_check_limit(const char *param, long limit);

struct mbox {
	const char	*path;
	uid_t		 uid;		/* owner, and who writes */
	gid_t		 gid;
	bool		 is_spool;	/* directory may need root for the lock
					   file and for a new mailbox */
	bool		 must_be_file;	/* not a device */
	bool		 waits;		/* a file that can't be used is the
					   administrator's: mail waits */
	bool		 strict_owner;	/* strict_mailbox_ownership */
	unsigned	 locks;		/* MBOX_* */
	int		 lock_attempts, lock_delay;	/* seconds */
	int		 stale_seconds;
	long		 size_limit;	/* bytes, 0 none */
	struct quota	*quota;		/* or NULL */
	off_t		*offset;	/* or NULL: set to where the message
					   begins */
};

/*
 * Appends the message, durable on return; on any error the file is cut back
 * to what it was.  `why` then has the DSN and the bare reason, which the caller
 * puts into its sentence.  The caller is root (or the user in rootless mode);
 * ids are changed here and restored.
 */
enum outcome mbox_append(const struct mbox *, struct delivery *,
	    const struct content *, struct why *);

#endif
