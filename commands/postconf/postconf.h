/* postconf - what the files of the command share */

#ifndef COMMANDS_POSTCONF_POSTCONF_H
#define COMMANDS_POSTCONF_POSTCONF_H

#include <stdbool.h>

#include "conf/conf.h"
#include "conf/master_cf.h"
#include "conf/names.h"
#include "util/mem.h"

struct buf;

/* Option letters as bits: postconf_has('n'). */
extern struct postconf {
	unsigned char	 seen[128];
	unsigned	 classes;	/* enum param_class */
	struct names	 names;		/* of main.cf and master.cf */
	struct service_table services;	/* every entry of master.cf */
	struct buf	 master_cf;	/* its bytes */
	struct pool	 pool;		/* what lives to the end */
} postconf;

enum param_class { CLASS_BUILTIN = 1, CLASS_SERVICE = 2, CLASS_USER = 4 };

#define HAS(letter) (postconf.seen[(unsigned char)(letter)] != 0)

/* --- show.c */

/* Prints "name = value", or what -h, -H, -f and -j make of it. */
void	show(const char *name, const char *value);

/* With -j: {"name": "value"} on a line of its own; the first adds a member,
 * with the brace that opens the object if `out` is empty. */
void	show_json_member(struct buf *out, const char *name, const char *value);
void	show_json(const char *name, const char *value);

/* An entry of master.cf as -M prints it, no newline at the end. */
void	show_service(struct buf *, const struct service *, bool fold);

/* Its command column alone. */
void	show_command(struct buf *, const struct service *, bool fold);

/* --- params.c */

/* The parameters of main.cf; all of them if there is no name. */
void	params_show(char **names);

/* The value belongs to whoever reads it: its $names are for each delivery or
 * reply, and -x leaves them. */
bool	params_is_raw(const char *name);

/* --- check.c */

/* Reads master.cf; a warning if it isn't there. */
void	check_read_services(void);

/* What every listing but -d does first: values that can't be expanded are
 * fatal; later, names that nothing uses or defines are warned about. */
void	check_values(void);
void	check_names(void);

/* The text, expanded, or fatal. */
char	*check_expanded(const char *text, conf_get_fn *, void *arg);

/* --- services.c */

/* "smtp/inet/syslog_name", each part a pattern: the text or "*". */
struct pattern {
	const char	*service, *type, *item;
	bool		 has_item;	/* it was given */
	bool		 used;
};

void	pattern_parse(struct pattern *, const char *text);
bool	pattern_has(const struct pattern *, const struct service *);

/* Fatal if a pattern can't be one for the mode. */
void	services_check(char **patterns);

void	services_show(char **patterns);		/* -M */
void	services_show_fields(char **patterns);	/* -F */
void	services_show_params(char **patterns);	/* -P */

/* The value of a name for a service, a struct service: its own options
 * first, then main.cf. */
const char *services_value(void *service, const char *name);

/* The number of a field's name in struct service's fields, or fatal. */
int	services_field(const char *name);

/* --- change.c */

void	change_main_cf(char **args);
void	change_services(char **args);		/* with -M */
void	change_fields(char **args);		/* with -F */
void	change_params(char **args);		/* with -P */

/* --- bounce.c */

void	bounce_show(char **files);		/* -b, -t */

/* --- lists.c */

void	list_table_types(void);
void	list_locks(void);
void	list_sasl(bool client);
bool	list_tls(const char *mode);		/* false: no such mode */

#endif
