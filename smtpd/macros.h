/* macros - $name in texts for clients: facts of a session */

#ifndef SMTPD_MACROS_H
#define SMTPD_MACROS_H

#include <stdbool.h>

struct buf;
struct pool;
struct session;

/* A fact of the moment, beside those of the session. */
struct macro {
	const char	*name, *value;
};

/*
 * Expands a template (default_rbl_reply, rbl_reply_maps) once: values are never
 * expanded again, whatever a client or a DNS list has written there.
 * Bytes of values that smtpd_expansion_filter does not have become '_'.
 * `extra` ends with a NULL name and may be NULL.  `rcpt` is the recipient at
 * issue, or NULL.  False after a warning on bad syntax and for names without
 * meaning, which expand to nothing.
 */
bool	macros_expand(struct buf *, const char *title, const char *text,
	    struct session *, const char *rcpt, const struct macro *extra);

/* A fact of the session; NULL if the name has no meaning.  It may be in the
 * pool. */
const char *macros_fact(struct session *, const char *name, struct pool *);

/* The bytes of smtpd_expansion_filter, C escapes done.  At start-up. */
void	macros_init(const char *filter);

#endif
