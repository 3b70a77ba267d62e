/* content - the message on sendmail's standard input */

#ifndef COMMANDS_SENDMAIL_CONTENT_H
#define COMMANDS_SENDMAIL_CONTENT_H

#include <stdbool.h>

#include "util/buf.h"

/*
 * All of it, with CRLF for LF; what a mailbox puts in front is left out.  A
 * lone dot ends it unless `keep_dots`.  `fix` is sendmail_fix_line_endings.
 * False with errno.
 */
bool	content_read(struct buf *, const char *fix, bool keep_dots);

/* The header has an address in a field that -t takes recipients from. */
bool	content_names_recipient(const struct buf *);

#endif
