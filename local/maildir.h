/* maildir - delivery into a Maildir */

#ifndef LOCAL_MAILDIR_H
#define LOCAL_MAILDIR_H

#include <sys/types.h>

#include "mail/why.h"

struct content;
struct delivery;
struct quota;

struct maildir {
	const char	*path;		/* ends in '/' */
	uid_t		 uid;
	gid_t		 gid;
	struct quota	*quota;		/* or NULL */
	bool		 waits;		/* what may be mended is no reason to
					   return mail */
};

/*
 * One file under a unique name, in new/ and durable (data, then the name)
 * on return; nothing of it is left in tmp/ otherwise.  cur, new and tmp are
 * made when they are needed.  `why`: DSN and the bare reason.  Ids are changed and
 * restored as in mbox_append().
 */
enum outcome maildir_add(const struct maildir *, struct delivery *,
	    const struct content *, struct why *);

#endif
