/* escape - bytes of clients in log lines */

#ifndef SMTPD_ESCAPE_H
#define SMTPD_ESCAPE_H

#include <stddef.h>

struct buf;

/* Adds them with C escapes ("\r\n", "\000"), as log readers expect. */
void	escape_add(struct buf *, const char *bytes, size_t len);

#endif
