/* source - from which address connections are made */

#ifndef SMTP_SOURCE_H
#define SMTP_SOURCE_H

#include <stdint.h>

struct addr;

/* Connects from there, or, where bind_address_enforce is off, from anywhere.  A
 * descriptor, or -1 with errno. */
int	source_connect(const struct addr *to, int64_t deadline);

#endif
