/* policy_reply - what policy servers answer, without I/O */

#ifndef SMTPD_POLICY_REPLY_H
#define SMTPD_POLICY_REPLY_H

#include <stddef.h>

#include "util/buf.h"

enum policy_reply {
	POLICY_REPLY_MORE,	/* no empty line yet */
	POLICY_REPLY_OK,
	POLICY_REPLY_BAD,
};

/*
 * "name=value" lines up to an empty one.  OK: *ret_action is the value of
 * "action", which lies in `bytes`, and *ret_used how many bytes the reply has.
 * BAD: *ret_why is static text.
 */
enum policy_reply policy_reply_parse(const char *bytes, size_t len,
		    struct str *ret_action, size_t *ret_used,
		    const char **ret_why);

#endif
