/* master_cf - master.cf: the services */

#ifndef CONF_MASTER_CF_H
#define CONF_MASTER_CF_H

#include <stdbool.h>
#include <stddef.h>

enum service_type {
	SERVICE_INET, SERVICE_UNIX, SERVICE_FIFO, SERVICE_PASS,
	SERVICE_UNIX_DGRAM,
};

/*
 * One line, with its continuation lines joined.  The columns' "-" are already
 * replaced by their defaults (private y, unprivileged y, chroot n, wakeup 0,
 * maxproc $default_process_limit).
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
	int			 argc;
	int			 line;		/* in master.cf, where it begins */
	int			 replaced;	/* line of an earlier entry for the
						   same service; the last counts */
	char			*fields[8];	/* the columns as written */
};

struct service_table {
	struct service	*services;
	size_t		 count;
	int		 stray_line;	/* a continuation line that continues
					   nothing, left out; 0: none */
};

struct buf;

/* False with "master.cf: line N: what is wrong; what to write; in "line"". */
bool	master_cf_read(struct service_table *, const char *path,
	    int default_process_limit, const char **ret_why);

/* The same from memory; `path` is for messages. */
bool	master_cf_parse(struct service_table *, const char *path,
	    const struct buf *content, int default_process_limit,
	    const char **ret_why);
void	master_cf_done(struct service_table *);

/* NULL if there is none of that name and type. */
const struct service *master_cf_find(const struct service_table *,
	    const char *name, enum service_type);

const char *service_type_name(enum service_type);	/* "unix-dgram" */

#endif
