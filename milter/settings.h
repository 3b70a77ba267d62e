/* settings - which milters, and how to talk to each */

#ifndef MILTER_SETTINGS_H
#define MILTER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "milter/protocol.h"
#include "util/mem.h"

/* When a milter is not there or breaks. */
enum milter_default {
	MILTER_DEFAULT_TEMPFAIL, MILTER_DEFAULT_ACCEPT, MILTER_DEFAULT_REJECT,
	MILTER_DEFAULT_QUARANTINE, MILTER_DEFAULT_SHUTDOWN,
};

/* Strings are borrowed. */
struct milter_settings {
	const char	*name;		/* "inet:host:port", "unix:path" */
	const char	*default_action; /* as written: a mistake in it is told
					   when it is needed */
	const char	*protocol;	/* "6", "2 no_header_reply" */
	int		 connect_timeout, command_timeout, content_timeout;
					/* seconds */
};

struct milter_list {
	struct pool		 pool;
	struct milter_settings	*items;
	size_t			 count;
};

/*
 * "inet:host:port, { unix:path, default_action=accept, ... }".  What is not
 * set within braces is as in `defaults`.  NULL with why, which lives until the
 * next call.
 */
struct milter_list *milter_list_new(const char *text,
	    const struct milter_settings *defaults, const char **ret_why);
void	milter_list_free(struct milter_list *);

bool	milter_default_parse(const char *, enum milter_default *ret);

/* Version and protocol bits of our own (MILTER_NR_HEADER for
 * "no_header_reply").  False: *ret_bad is the word that is wrong. */
bool	milter_version_parse(struct pool *, const char *, uint32_t *ret_version,
	    uint32_t *ret_bits, const char **ret_bad);

/* --- macros */

/* Names by stage, each list ending with NULL; or no list at all. */
struct milter_macros {
	const char *const *names[MILTER_STAGES];
};

/* "i {auth_type}": the words, in `pool`. */
const char *const *milter_names_parse(struct pool *, const char *);

/* A name and its value: "{name}=value", "{ {name} = value }". */
struct milter_value {
	const char	*name, *value;
};

/* milter_macro_defaults; ends with a NULL name.  NULL with why. */
const struct milter_value *milter_values_parse(struct pool *, const char *,
	    const char **ret_why);

#endif
