/* audit - what in the configuration means nothing, or soon won't */

#ifndef CONF_AUDIT_H
#define CONF_AUDIT_H

#include <stdbool.h>

struct names;
struct service_table;

enum finding_kind {
	FINDING_UNUSED,		/* nothing reads the name */
	FINDING_UNDEFINED,	/* $name, or a restriction class, is nowhere */
	FINDING_SYNTAX,		/* a $name is written wrong */
	FINDING_OLD,		/* a later release won't have it */
	FINDING_NO_FILE,	/* a table's settings can't be read */
	FINDING_BAD_LINE,	/* they have a line that is none */
};

/*
 * `file` is main.cf or master.cf with its directory, or "mysql:/path"; `line`
 * is 0 when it is not known.  `text`: the value; of FINDING_OLD what to
 * write instead; else why.  `nearest`: the name that was meant, or NULL.
 */
struct finding {
	enum finding_kind	 kind;
	const char		*file;
	int			 line;
	const char		*name;
	const char		*text;
	const char		*nearest;
};

typedef void finding_fn(void *arg, const struct finding *);

/*
 * Look through what conf_read() and master_cf_parse_all() have read, -o
 * options of services among it, and through the files of settings of tables
 * (those of /etc/postfix/users.cf in "mysql:/etc/postfix/users.cf").
 *
 * What values refer to is one matter, which names are there another.  The
 * first finds what is undefined, and bad syntax, the second the rest.
 */
void	audit_references(const struct names *, const struct service_table *,
	    finding_fn *, void *arg);
void	audit_names(const struct names *, const struct service_table *,
	    finding_fn *, void *arg);

/* Do a service's options lean on this name of main.cf? */
bool	audit_options_refer(const struct service_table *, const char *name);

#endif
