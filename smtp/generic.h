/* generic - addresses for the world outside: smtp_generic_maps */

#ifndef SMTP_GENERIC_H
#define SMTP_GENERIC_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct queue_file;

/* Opens the tables; before the jail, after the settings. */
void	generic_init(void);

/* Is there anything to do at all? */
bool	generic_is_set(void);

/* An address of the envelope, internal form, in place.  False: a table
 * failed, and the log says so. */
bool	generic_address(struct buf *address);

/* Adds a message's header with the addresses of its address fields changed;
 * a field without a change stays as it is to the byte.  The same of the
 * header in a queue file: false also if that can't be read. */
bool	generic_header(struct buf *out, const char *header, size_t len);
bool	generic_file_header(struct buf *out, const struct queue_file *);

#endif
