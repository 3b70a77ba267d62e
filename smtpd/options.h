/* options - what follows MAIL FROM: and RCPT TO:, without I/O */

#ifndef SMTPD_OPTIONS_H
#define SMTPD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

/*
 * Cuts the address off "FROM:<a@b> SIZE=1": `keyword` is "FROM:" or "TO:" in
 * any case.  PATH_OK: *ret_path is the address as written, NUL-terminated in
 * place, and *ret_rest what follows.
 */
enum path_result {
	PATH_OK,
	PATH_SYNTAX,		/* no keyword or nothing behind it */
	PATH_UNBALANCED,	/* an open '<' or '"' */
};

enum path_result options_path(char *text, const char *keyword,
	    char **ret_path, char **ret_rest);

/* Parameters of MAIL (RFC 1870, 6152, 3461, 6531).  Strings point into the
 * parsed text or are owned by `envid` and `auth`. */
struct mail_options {
	bool		 has_size;
	uint64_t	 size;
	const char	*body;		/* "7BIT", "8BITMIME" or NULL */
	const char	*ret;		/* "FULL", "HDRS" or NULL */
	bool		 has_envid;
	struct buf	 envid;		/* decoded */
	bool		 smtputf8, requiretls;
	bool		 has_auth;
	struct buf	 auth;		/* xtext, printable; "" for <> */
	const char	*verp;		/* XVERP: delimiters, "" the default;
					   NULL not given */
};

#define MAIL_OPTIONS_INIT { .envid = BUF_INIT, .auth = BUF_INIT }

struct rcpt_options {
	uint8_t		 notify;	/* NOTIFY_* bits, 0 not given */
	bool		 has_orcpt;
	struct buf	 orcpt;		/* "type;address", decoded */
	struct str	 odd_notify;	/* word that is no NOTIFY value */
	const char	*odd_in;	/* in this list */
};

#define RCPT_OPTIONS_INIT { .orcpt = BUF_INIT }

enum {
	OPTIONS_NO_DSN = 1, OPTIONS_NO_SMTPUTF8 = 2, OPTIONS_NO_VERP = 4,
	OPTIONS_NO_REQUIRETLS = 8,
};

/*
 * `text` is split in place.  False: *ret_why is the reply, with "%s" in it
 * if *ret_word is to be put in.  What came before the error is set.
 */
bool	options_mail(char *text, int flags, struct mail_options *,
	    const char **ret_why, const char **ret_word);
bool	options_rcpt(char *text, int flags, struct rcpt_options *,
	    const char **ret_why, const char **ret_word);

/* BDAT's "count [LAST]" (RFC 3030 2).  False on bad syntax. */
bool	options_bdat(char *text, uint64_t *ret_size, bool *ret_last);

#endif
