/* postmulti - several instances of the mail system on one host */

#ifndef COMMANDS_POSTMULTI_POSTMULTI_H
#define COMMANDS_POSTMULTI_POSTMULTI_H

#include <stdbool.h>
#include <stddef.h>

/* The first is the primary one; the others in the order of its
 * multi_instance_directories. */
struct instance {
	char	*dir;			/* config_directory */
	char	*name, *group;		/* "" for none */
	char	*queue, *data;
	bool	 enabled;
};

struct instances {
	struct instance	*items;
	size_t		 count;
	bool		 managed;	/* "postmulti -e init" was run */
};

/* Ends the program when a main.cf can't be read. */
void	instances_read(struct instances *);

bool	instance_has_name(const struct instances *, size_t, const char *name);

/* The environment of commands that are run for it. */
void	instance_export(const struct instance *);

/* Where a new one is put (-a, -g, -i), and what it is called (-I, -G); NULL:
 * not given. */
struct wishes {
	bool		 first;
	const char	*group, *name;
	const char	*new_name, *new_group;
	char		**settings;	/* NAME=VALUE, ends with NULL */
};

/* "postmulti -e action": ends the program with a reason if it fails. */
void	edit_instances(struct instances *, const char *action,
	    const struct wishes *);

/* Ends with a line such as Postfix's helper script has it in the log. */
void	script_fatal(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2), noreturn));

/* Runs a command of ours, by its name; false: it failed. */
bool	run_command(const char *name, const char *const *args);

#endif
