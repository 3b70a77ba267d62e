/* entries - the text of main.cf and of the overrides, by name */

#ifndef CONF_ENTRIES_H
#define CONF_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

struct param;

/* For the files of conf/ alone: conf.h is what others see. */
struct entry {
	char	*text;		/* as in main.cf; NULL: only an override */
	char	*override;	/* NULL: none */
	int	 line;		/* in main.cf */
};

/* NULL: not set. */
struct entry	*entry_find(const char *name);
struct entry	*entry_of(const struct param *);

/* Where a name's text comes from: "/etc/postfix/main.cf, line 12", "-o
 * option" or "default". */
const char	*entry_where(const char *name, struct buf *);

/* The text of a name, `p`'s unless that is NULL, expanded; kept as
 * conf_value() keeps it.  NULL with why. */
const char	*entry_value(const struct param *p, const char *name,
		     const char *text, const char **ret_why);

/* Formats into the one message buffer; `write` is what conf_set_brief()
 * leaves out (may be NULL).  Returns false. */
bool		 conf_fail(const char **ret_why, const char *write,
		     const char *fmt, ...)
		     __attribute__((format(printf, 3, 4)));

/* A line for conf_warn_read(). */
void		 conf_note(const char *fmt, ...)
		     __attribute__((format(printf, 1, 2)));

/* After loading conf_mail's CORE: is what they say possible, beyond the
 * bounds of their types?  False with why. */
bool		 conf_sound(const char **ret_why);

/* The value of `name` could not be expanded. */
bool		 conf_fail_macro(const char **ret_why, const char *name,
		     const char *why);

#endif
