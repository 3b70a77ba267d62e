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
 * Texts in ret_why live until the next call that fails.  They begin with
 * Postfix's words, where it has some, and go on with "; " and what to write;
 * for the few commands whose messages other programs know by heart,
 * conf_set_brief(true) leaves out the second half.
 */
void		 conf_set_brief(bool);

/*
 * For a command that has no use for mynetworks: its default names this host
 * alone, and the kernel isn't asked for addresses (a fifth of a short
 * command's time).
 */
void		 conf_ignore_interfaces(void);

/*
 * Reads main.cf.  False with a message that names file, line and what is
 * wrong: "/etc/postfix/main.cf, line 12: missing '=' after attribute name:
 * \"x\"; write \"name = value\"".  Overrides stay; what conf_value() and
 * conf_load() gave out before is gone: load the areas again.
 */
bool		 conf_read(const char **ret_why);

/* Logs what conf_read() found strange but not wrong: a name given twice, a
 * file that begins with a continuation line.  After a brief failure of
 * conf_load() call it before giving up: half of the text is here. */
void		 conf_warn_read(void);

/* -o name=value.  False with why. */
bool		 conf_override(const char *assignment, const char **ret_why);

/*
 * Gives every parameter of the area its value.  On a value that is wrong for
 * its type: false with "bad numerical configuration: x = y; main.cf, line N:
 * write a whole number from 1 to 100".
 * $name not defined anywhere expands to nothing.
 */
bool		 conf_load(const struct param_area *, const char **ret_why);

/*
 * For a command: the same for those rows of param_mail that are CORE.  Its
 * other fields are not set, and mistakes in them not found, as it is with
 * Postfix's commands.  So a command must not read a field that isn't CORE.
 */
bool		 conf_load_core(const char **ret_why);

/* The raw text of a name: override, main.cf, or default; NULL if unknown. */
const char	*conf_text(const char *name);

/* The expanded value; NULL if unknown.  The result lives until conf_read(). */
const char	*conf_value(const char *name);

/*
 * Typed values of names made at run time: TRANSPORT_destination_..., with
 * the default parameter's value when TRANSPORT's is not set.  On a value that
 * is wrong: the fallback, with why (else *ret_why is NULL).
 */
int		 conf_int_for(const char *transport, const char *suffix,
		     int fallback, const char **ret_why);
int		 conf_time_for(const char *transport, const char *suffix,
		     int fallback, char unit, const char **ret_why);
long		 conf_delay_for(const char *transport, const char *suffix,
		     long fallback, char unit, const char **ret_why);
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

/* Visits each name that a value refers to, up to the first bad syntax. */
typedef void	 conf_name_fn(void *arg, const char *name);

bool		 conf_visit_names(const char *text, conf_name_fn *, void *arg,
		     const char **ret_why);

/*
 * The same as conf_expand() with values that come from outside (addresses):
 * they go in as they are, no $ in them is looked at, and a byte that is not in
 * `filter` (unless NULL) becomes '_'.
 */
struct conf_values {
	conf_get_fn	*get;
	void		*arg;
	const char	*filter;
	bool		*lacks;		/* set when a $name had no value, but not
					   for ${name?...} and the like; NULL */
};

bool		 conf_expand_values(struct buf *out, const char *text,
		     const struct conf_values *, const char **ret_why);

/* "1h", "30s", "5" with the default unit; false on bad syntax. */
bool		 conf_parse_time(const char *, char unit, int *ret_seconds);

/* The same with a fraction, "0.5s", in milliseconds (cut off). */
bool		 conf_parse_delay(const char *, char unit, long *ret_ms);

/*
 * Logs warnings: what conf_warn_read() has to say; names in main.cf, in -o
 * options and in the files of database tables that nothing reads, with the
 * nearest name (audit.h); names that a later release won't have.  Then a line
 * "using backwards-compatible default setting NAME=VALUE" for each default
 * that compatibility_level keeps from being the newest.
 */
void		 conf_warn_unknown(void);

/* compatibility_level reaches at least "3.6", say. */
bool		 conf_compat_at_least(const char *level);

/* True if the name is set in main.cf or by an override. */
bool		 conf_is_set(const char *name);

/* Every entry of main.cf and every override, in order of first appearance;
 * line 0: not from main.cf (an override; config_directory if it is not the
 * usual one). */
void		 conf_each(void (*visit)(void *arg, const char *name,
		     const char *text, int line), void *arg);

/* mail_version's text. */
#define CONF_MAIL_VERSION "3.11.6-rohrpost-0.1.0"

#endif
