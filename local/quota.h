/* quota - how full a mailbox may be: mailbox_quota_maps */

#ifndef LOCAL_QUOTA_H
#define LOCAL_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/why.h"

struct delivery;

/* 0: no limit.  `before` and `after` are set by a delivery. */
struct quota {
	int64_t	bytes, messages;
	int64_t	before, after;		/* bytes in use */
};

/* "1G", "500M 10000": bytes, and messages if the second number is there;
 * "0" or "none" no limit.  False on bad syntax. */
bool	quota_parse(struct quota *, const char *text);
bool	quota_is_set(const struct quota *);

/*
 * Maildir++: is there room for one more message of so many bytes?  Acts with
 * the ids of the moment, which must be the owner's.  `path` ends in '/'.
 * False: `why` says so, in full words.
 */
bool	quota_maildir_check(struct quota *, const char *path, int64_t size,
	    struct why *);

/* The message is there: counts it. */
void	quota_maildir_add(const char *path, int64_t size);

/* The same for a file that has `used` bytes. */
bool	quota_mbox_check(struct quota *, int64_t used, int64_t size,
	    struct why *);

/* After a delivery: tells the owner once, when mailbox_quota_warning percent
 * are passed. */
void	quota_warn(const struct quota *, const struct delivery *,
	    const char *address);

#endif
