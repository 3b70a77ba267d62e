/* names - which names mean something, beyond those that are declared */

#ifndef CONF_NAMES_H
#define CONF_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

struct map;

/*
 * Besides the declared parameters a site has names of its own: what its
 * values refer to as $name, the restriction classes it lists, the parameters
 * of each delivery transport in master.cf (TRANSPORT_destination_...), and
 * the settings of old-style database tables ("mysql:box" reads box_hosts).
 *
 * names_init() gathers them from the configuration that was read and from
 * master.cf beside it (which may be missing).
 */
struct names {
	struct map	*referenced;	/* by $name or as a class */
	struct map	*prefixes;	/* of old-style tables; value: their
					   const struct table_params */
	struct map	*tables;	/* "mysql:/path"; value: the same */
	struct map	*services;	/* transports; value: program */
};

void	names_init(struct names *);
void	names_done(struct names *);

/* Declared, a transport's, or an old-style table's. */
bool	names_known(const struct names *, const char *name);
bool	names_table_param(const struct names *, const char *name);

bool	names_referenced(const struct names *, const char *name);

/* Gathers what a value refers to as $name. */
void	names_scan(struct names *, const char *text);

/*
 * The parameters that every delivery transport has: "x" + suffix, with the
 * default text "$default" given by the second.  `time_limit` is true for the
 * one that only pipe and spawn have.
 */
struct transport_param {
	const char	*suffix;	/* "_destination_recipient_limit" */
	const char	*def;
	bool		 time_limit;
};

extern const struct transport_param transport_params[];	/* NULL suffix ends */

/* Does a service that runs this program have them? */
bool	names_has_param(const char *program, const struct transport_param *);

/*
 * The known name most like this one, or (`or_set`) one that main.cf sets;
 * NULL if none is near.  Lives until the next call.
 */
const char	*names_nearest(const struct names *, const char *name,
		     bool or_set);

/* How many edits may separate a name from what was meant. */
int		 names_slack(const char *name);

#endif
