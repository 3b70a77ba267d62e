/* extension - user+extension, as main.cf has it */

#ifndef MAIL_EXTENSION_H
#define MAIL_EXTENSION_H

#include <stddef.h>

/* address_extension() with recipient_delimiter and the names that have none;
 * to be given to tables (struct table_address). */
const char	*extension_find(const char *local, size_t len);

#endif
