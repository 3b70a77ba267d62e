/* master_cf - master.cf: the services */

#ifndef CONF_MASTER_CF_H
#define CONF_MASTER_CF_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

enum service_type {
	SERVICE_INET, SERVICE_UNIX, SERVICE_FIFO, SERVICE_PASS,
	SERVICE_UNIX_DGRAM,
};

/*
 * One line, with its continuation lines joined.  The columns' "-" are already
 * replaced by their defaults (private y, unprivileged y, wakeup 0, maxproc
 * $default_process_limit, chroot n, but y below compatibility_level 1).
 */
struct service {
	char			*name;		/* as written: "smtp", "127.0.0.1:2525" */
	enum service_type	 type;
	bool			 is_private;
	bool			 unprivileged;
	bool			 chroot;
	int			 wakeup;	/* seconds, 0 never */
	bool			 wakeup_if_used;	/* the '?' */
	int			 maxproc;	/* 0: no limit */
	char			*program;
	char			**argv;		/* argv[0] = program; NULL ends */
	int			 argc;		/* braces round arguments are gone;
						   -o {a = b} is "-o", "a=b" */
	int			 line;		/* in master.cf, where it begins */
	size_t			 from, to;	/* its bytes there */
	char			*fields[8];	/* the columns as written */
};

struct service_table {
	struct service	*services;
	size_t		 count;
	struct buf	 notes;		/* lines: strange, but not wrong */
};

/*
 * False with "FILE, line N: what is wrong in "text"; what to write" (see
 * conf_set_brief()).  Of several entries for a service the last counts, with
 * a note; an option that is wrong is a note, too: its service alone suffers.  After
 * false the table has no services, but may have notes.
 */
bool	master_cf_read(struct service_table *, const char *path,
	    int default_process_limit, const char **ret_why);

/* The same from memory; `path` is for messages. */
bool	master_cf_parse(struct service_table *, const char *path,
	    const struct buf *content, int default_process_limit,
	    const char **ret_why);

/* For editors: with every one of several entries for a service. */
bool	master_cf_parse_all(struct service_table *, const char *path,
	    const struct buf *content, const char **ret_why);

/* For those who remove or replace what is wrong: of each entry only its first
 * two fields, its line and its bytes are set. */
bool	master_cf_parse_names(struct service_table *, const char *path,
	    const struct buf *content, const char **ret_why);

/* Logs the notes as warnings. */
void	master_cf_warn(const struct service_table *);

void	master_cf_done(struct service_table *);

/* NULL if there is none of that name and type. */
const struct service *master_cf_find(const struct service_table *,
	    const char *name, enum service_type);

/*
 * The next "name=value" of the -o options in front of other arguments, or
 * NULL; *i starts with 0.  Of several for a name the last counts, and is the
 * only one to come.
 */
const char *service_option(const struct service *, int *i);

const char *service_type_name(enum service_type);	/* "unix-dgram" */

#endif
