/* conf - main.cf: reading, expanding, loading typed parameters */

#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/param.h"

struct buf;
struct map;

/*
 * The process has one configuration: the text entries of main.cf, -o
 * overrides on top, defaults of the tables below.
 */

/* Where it is: $MAIL_CONFIG or the -c option or /etc/postfix.  Kept, copied.
 * Sets MAIL_CONFIG in the environment for children. */
void		 conf_set_dir(const char *dir);
const char	*conf_dir(void);

/*
 * Reads main.cf.  False with a message that names file, line and what is
 * wrong: "/etc/postfix/main.cf, line 12: missing '=' after attribute name:
 * \"x\"; write \"name = value\"".
 */
bool		 conf_read(const char **ret_why);

/* -o name=value.  False with why. */
bool		 conf_override(const char *assignment, const char **ret_why);

/*
 * Gives every parameter of the area its value.  On a value that is wrong for
 * its type: false with "main.cf, line N: parameter x: ...".
 * $name not defined anywhere expands to nothing.
 */
bool		 conf_load(const struct param_area *, const char **ret_why);

/* The raw text of a name: override, main.cf, or default; NULL if unknown. */
const char	*conf_text(const char *name);

/* The expanded value; NULL if unknown.  The result lives until conf_read(). */
const char	*conf_value(const char *name);

/* Typed values of names made at run time: TRANSPORT_destination_..., with
 * the default parameter's value when TRANSPORT's is not set. */
int		 conf_int_for(const char *transport, const char *suffix,
		     int fallback, const char **ret_why);
int		 conf_time_for(const char *transport, const char *suffix,
		     int fallback, char unit, const char **ret_why);
const char	*conf_str_for(const char *transport, const char *suffix,
		     const char *fallback);

/*
 * $name, ${name}, $(name), ${name?text}, ${name?{t}:{f}}, ${name:text},
 * ${{a} op {b}?{t}:{f}}, $$.  `get` returns a name's raw text or NULL
 * (default: conf_text).  Recursion is bounded; false with why on bad syntax
 * or a loop.
 */
typedef const char *conf_get_fn(void *arg, const char *name);

bool		 conf_expand(struct buf *out, const char *text,
		     conf_get_fn *, void *arg, const char **ret_why);

/* "1h", "30s", "5" with the default unit; false on bad syntax. */
bool		 conf_parse_time(const char *, char unit, int *ret_seconds);

/* Names in main.cf that no table, no $reference and no user-defined class
 * knows, with the nearest known name or NULL: for warnings. */
void		 conf_unknown(void (*report)(void *arg, const char *name,
		     const char *nearest, int line), void *arg);

/* Logs those as warnings, and "using backwards-compatible default" lines. */
void		 conf_warn_unknown(void);

/* compatibility_level reaches at least "3.6", say. */
bool		 conf_compat_at_least(const char *level);

/* mail_version's text. */
#define CONF_MAIL_VERSION "3.11.6-rohrpost-0.1.0"

#endif
