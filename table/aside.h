/* aside - the file of a table that is written (private to table/) */

#ifndef TABLE_ASIDE_H
#define TABLE_ASIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "table/table_type.h"
#include "util/file.h"

/*
 * Writing comes in three ways:
 *
 *	TABLE_CREATE	a new file beside the old, which takes its name
 *	TABLE_EDIT	the same with a copy of the old one
 *	TABLE_WRITE	in place, locked as long as it is open (caches that
 *			one process owns)
 *
 * Where the directory may not be written but the file may, the first two work
 * in place too.  Writers exclude each other by fcntl(2) locks, which readers
 * don't feel; who writes in place takes an exclusive flock(2) as well, which
 * is what Postfix's tools do.
 */
struct table_aside {
	int			lock_fd;	/* of the old file, or -1 */
	bool			replaces;	/* `file` takes the name */
	bool			fresh;		/* it has to be made from nothing */
	const char	       *path;		/* the one to be written */
	struct file_replace	file;
};

#define TABLE_ASIDE_INIT { .lock_fd = -1 }

/* For t->path, as t->flags say.  False after table_fail(), with errno. */
bool	aside_open(struct table *, struct table_aside *);

/* Gives the finished file its name: on disk before that.  False with errno. */
bool	aside_publish(struct table_aside *);

/* Ends it; what was not published is removed. */
void	aside_done(struct table_aside *);

/* Bytes of what the table is made from, 0 if that is not known. */
size_t	aside_source_size(const struct table *);

/* Opens t->path to read, under a shared flock(2) until the caller closes it:
 * at the start it waits 5 seconds for it (the owner of a cache never lets go),
 * later it is an error at once.  Sets t->stamp.  -1
 * after table_fail(), with errno. */
int	aside_open_read(struct table *);

/*
 * What a library that opens by name is to open: that very file, whatever has
 * its name by now, since t->stamp says whose it is.  Without /proc t->path.
 */
enum { ASIDE_NAME = 32 };	/* bytes */

const char *aside_name(const struct table *, int fd, char room[ASIDE_NAME]);

#endif
